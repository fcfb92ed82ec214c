"""Writes training.json: ten steps of training as PyTorch makes them in float64, for every layer, loss, optimizer and
schedule.

    pip install torch numpy
    python3 Tests/Fixtures/training.py > Tests/Fixtures/training.json

Samples and initial parameters are exact in float32. How far may ten steps in float32 be from them? What roundings do to
one training is measured: the same training runs RUNS times in float32, each time with the samples in another order (so
that sums are made in another order) and with every initial parameter and every pixel moved at random by up to one
rounding, 2^-24 of itself. Each run is a sample of the deviation that float32 causes. Of each tensor `bound` is

    FACTOR · the greatest deviation of an element in any of the runs + STEPS · 2^-24 · its greatest absolute value,

the last for an update's own rounding at each step. Losses and the outputs in evaluation, after the last step, alike.
The script ends with an error where bounds are not far below what the training moves: then they would prove nothing.
"""

import json
import platform
import sys

import torch
from torch import nn
from torch.optim import lr_scheduler

from optimizers import OPTIMIZERS
from torch_model import Dropout, build

STEPS = 10
STEPS_PER_EPOCH = 2
SAMPLES = 12
RUNS = 8
FACTOR = 8
SEED = 7

BASE = "dense 6, tanh, dense 3"
NETWORKS = [
    # Layers.
    ("dense 7, dense 3", [5]),
    ("dense 9, relu, dense 8, relu, dense 3", [6]),
    ("conv 3 3x3, relu, conv 4 2x3 stride 2 padding 1, flatten, dense 3", [5, 4, 2]),
    ("conv 3 2x3 padding same, conv 2 1x1, relu, flatten, dense 3", [4, 4]),
    ("conv 3 2x2, maxpool 2 stride 1, relu, maxpool 3 stride 2 padding 1, dense 3", [5, 5, 2]),
    ("conv 3 2x2, relu, avgpool 2x3 stride 1, avgpool 2, dense 3", [6, 6]),
    ("conv 4 3x3 padding 1, relu, conv 5 2x2, global-avgpool, dense 3", [4, 4, 3]),
    ("conv-transpose 3 3x3 stride 2 padding 1, relu, conv-transpose 2 2x1, flatten, dense 3", [3, 2, 2]),
    ("conv 2 3x3 stride 2, relu, flatten, dense 4, relu, dense 8, reshape 2x2x2, conv-transpose 1 2x2 stride 2, "
     "flatten, dense 3", [6, 6]),
    ("dense 12, relu, reshape 3x2x2, conv 3 2x2, relu, dense 3", [5]),
    ("conv 4 1x1, reshape 2x8x2, conv 2 2x3, relu, flatten, tanh, reshape 6x2x1, conv 3 3x2, flatten, dense 3",
     [4, 2, 3]),
    ("dense 6, batchnorm, relu, dense 3", [6]),
    ("batchnorm, conv 4 2x2, batchnorm, relu, flatten, batchnorm, dense 3", [4, 3, 2]),
    ("dense 7, layernorm, relu, dense 3", [6]),
    ("layernorm, conv 3 2x2, layernorm, relu, flatten, layernorm, dense 3", [3, 4, 2]),
    ("dense 6, softmax, dense 3", [5]),
    ("dense 9, dropout 0.3, relu, dropout 0.25, dense 3", [6]),
    ("conv 3 2x2, dropout 0.4, relu, flatten, dropout 0.2, dense 3", [4, 3, 2]),
    ("dense 6, tanh, residual { dense 6, tanh, residual { dense 6 }, tanh }, dense 3", [5]),
    ("conv 3 3x3 padding 1, residual { batchnorm, relu, conv 3 3x3 padding 1 }, relu, "
     "residual { conv 4 3x3 stride 2 padding 1, batchnorm } shortcut { conv 4 1x1 stride 2 }, global-avgpool, dense 3",
     [4, 4, 2]),
    # Activations.
    *[(f"dense 7, {name}, dense 6, {name}, dense 3", [6]) for name in (
        "leaky-relu", "leaky-relu 0.2", "elu", "elu 0.5", "selu", "gelu", "silu", "sigmoid", "tanh", "softplus",
        "identity")],
]


def case(model, shape, loss="cross-entropy", smoothing=0.0, weights=(), rule="momentum", rate=0.05, schedule="constant"):
    return dict(
        model=model, inputShape=shape, loss=loss, labelSmoothing=smoothing, classWeights=list(weights), optimizer=rule,
        learningRate=rate, schedule=schedule)


CASES = [case(*network) for network in NETWORKS] + [
    case(BASE, [5], smoothing=0.1),
    case(BASE, [5], weights=(0.5, 2.0, 1.25)),
    case(BASE, [5], smoothing=0.2, weights=(0.5, 2.0, 1.25)),
    case(BASE, [5], loss="mse"),
    case("dense 6, tanh, dense 3, softmax", [5], loss="mse", rate=0.5),
    case(BASE, [5], loss="mae"),
    case(BASE, [5], loss="bce"),
    *[case(BASE, [5], rule=rule, rate=0.01) for rule in OPTIMIZERS],
    # A bias before batchnorm has the gradient 0, of which Adam would make an update out of roundings.
    case("batchnorm, dense 6, relu, dense 3", [5], rule="adam", rate=0.01),
    *[case(BASE, [5], rule="sgd", rate=0.2, schedule=text) for text in (
        "constant", "step 2 0.5", "exponential 0.8", "cosine 0.01", "one-cycle 0.2", "plateau 0.5 0 0.3")],
]


def philox(counter, key):
    """Philox4x32-10 of Salmon, Moraes, Dror and Shaw 2011."""
    mask = 0xFFFFFFFF
    for _ in range(10):
        first, second = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [second >> 32 ^ counter[1] ^ key[0], second & mask, first >> 32 ^ counter[3] ^ key[1], first & mask]
        key = [key[0] + 0x9E3779B9 & mask, key[1] + 0xBB67AE85 & mask]
    return counter


def dropout_mask(layer, epoch, position):
    """docs/NUMERICS.md: a unit is kept where its uniform number is at least p; in PyTorch's order of elements."""
    count = 1
    for extent in layer.shape:
        count *= extent
    uniform = []
    for place in range(position * count, (position + SAMPLES) * count):
        word = philox([place // 4, 4 << 24, layer.operation, epoch], [SEED, 0])[place % 4]
        uniform.append((word >> 8) / 2**24)
    kept = (torch.tensor(uniform) >= layer.probability).double() / (1 - layer.probability)
    mask = kept.reshape(SAMPLES, *(layer.image or layer.shape))
    mask = mask.permute(0, 3, 1, 2) if mask.dim() == 4 else mask
    return mask.flatten(1) if layer.image else mask


def scheduler(text, optimizer):
    name, *words = text.split()
    numbers = [float(word) for word in words]
    if name == "step":
        return lr_scheduler.StepLR(optimizer, int(numbers[0]), numbers[1])
    if name == "exponential":
        return lr_scheduler.ExponentialLR(optimizer, numbers[0])
    if name == "cosine":
        return lr_scheduler.CosineAnnealingLR(optimizer, STEPS, numbers[0])
    if name == "one-cycle":
        return lr_scheduler.OneCycleLR(optimizer, numbers[0], total_steps=STEPS, cycle_momentum=False)
    if name == "plateau":
        return lr_scheduler.ReduceLROnPlateau(optimizer, "min", numbers[0], int(numbers[1]), numbers[2])
    return lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)


def mean_loss(case, outputs, labels):
    weights = torch.tensor(case["classWeights"], dtype=outputs.dtype) if case["classWeights"] else None
    if case["loss"] == "cross-entropy":
        return nn.functional.cross_entropy(outputs, labels, weights, label_smoothing=case["labelSmoothing"])
    targets = nn.functional.one_hot(labels, outputs.shape[1]).to(outputs.dtype)
    functions = {
        "mse": nn.functional.mse_loss, "mae": nn.functional.l1_loss,
        "bce": nn.functional.binary_cross_entropy_with_logits}
    return functions[case["loss"]](outputs, targets)


def train(case, initial, x, labels, dtype, run=None):
    """Final tensors, losses and outputs in evaluation; `run` perturbs."""
    generator = torch.Generator().manual_seed(1 if run is None else 100 + run)
    order = torch.arange(SAMPLES) if run is None else torch.randperm(SAMPLES, generator=generator)

    def perturbed(values):
        if run is None:
            return values.clone()
        noise = torch.rand(values.shape, generator=generator, dtype=torch.float64) * 2 - 1
        return (values * (1 + noise * 2.0**-24)).to(dtype)

    model = build(case["model"], case["inputShape"]).to(dtype)
    model.load_state_dict({name: perturbed(values) for name, values in initial.items()}, strict=False)
    x, labels = perturbed(x)[order], labels[order]
    defaults, make = OPTIMIZERS[case["optimizer"]]
    optimizer = make(list(model.parameters()), case["learningRate"], defaults)
    schedule = scheduler(case["schedule"], optimizer)
    is_per_step = case["schedule"].split()[0] in ("cosine", "one-cycle")
    losses = []
    for step in range(STEPS):
        epoch, position = step // STEPS_PER_EPOCH + 1, step % STEPS_PER_EPOCH * SAMPLES
        for layer in model.modules():
            if isinstance(layer, Dropout):
                layer.mask = dropout_mask(layer, epoch, position).to(dtype)[order]
        optimizer.zero_grad()
        loss = mean_loss(case, model(x), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if is_per_step and step + 1 < STEPS:
            schedule.step()
        elif not is_per_step and (step + 1) % STEPS_PER_EPOCH == 0:
            plateau = isinstance(schedule, lr_scheduler.ReduceLROnPlateau)
            schedule.step(*[sum(losses[-STEPS_PER_EPOCH:]) / STEPS_PER_EPOCH] if plateau else [])
    model.eval()
    with torch.no_grad():
        outputs = model(x)[torch.argsort(order)]
    final = {n: v.double() for n, v in model.state_dict().items() if not n.endswith("num_batches_tracked")}
    return {**final, "losses": torch.tensor(losses, dtype=torch.float64), "outputs": outputs.double()}


def shortened(values):
    return [float(f"{v:.8g}") for v in values.flatten().tolist()]


def golden(case, pool, labels):
    model = build(case["model"], case["inputShape"])
    shape = case["inputShape"] if len(case["inputShape"]) != 2 else [*case["inputShape"], 1]
    features = 1
    for extent in shape:
        features *= extent
    x = torch.tensor(pool[: SAMPLES * features], dtype=torch.float64).reshape(SAMPLES, features) / 2**20
    x = x.reshape(SAMPLES, shape[2], shape[0], shape[1]) if len(shape) == 3 else x
    generator = torch.Generator().manual_seed(3)
    # Multiples of 1/256 around PyTorch's own deviations, and 1 for scales.
    counts = {}
    for name, value in model.named_parameters():
        fan = value[0].numel() if value.dim() > 1 else 16
        noise = torch.randn(value.shape, generator=generator) * 256 / fan**0.5
        is_scale = value.dim() in (1, 3) and name.endswith("weight")
        counts[name] = (noise * (0.5 if value.dim() != 2 else 1)).round() + (256 if is_scale else 0)
    initial = {name: value.double() / 256 for name, value in counts.items()}
    exact = train(case, initial, x, labels, torch.float64)
    runs = [train(case, initial, x, labels, torch.float32, run) for run in range(RUNS)]
    bounds = {}
    for name, value in exact.items():
        deviation = max((run[name] - value).abs().max().item() for run in runs)
        bounds[name] = FACTOR * deviation + STEPS * 2.0**-24 * value.abs().max().item()
    moved = max((exact[name] - initial[name]).abs().max().item() for name in initial)
    worst = max(bounds[name] for name in initial)
    print(f"{worst / moved:.1e} {exact['losses'][0]:.3f} → {exact['losses'][-1]:.3f}  {case['model']} "
          f"{case['loss']} {case['optimizer']} {case['schedule']}", file=sys.stderr)
    if worst > moved * 1e-3:
        raise SystemExit(f"{case['model']}: bound {worst} for a training that moves by {moved}")
    losses, outputs = exact.pop("losses"), exact.pop("outputs")
    return {
        **case, "initial": {name: [int(v) for v in value.flatten()] for name, value in counts.items()},
        "final": {name: shortened(value) for name, value in exact.items()},
        "bounds": {name: float(f"{bound:.3g}") for name, bound in bounds.items()},
        "losses": shortened(losses), "outputs": shortened(outputs),
    }


def main():
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(5)
    pool = torch.randint(-(2**20), 2**20 + 1, (SAMPLES * 50,), generator=generator).tolist()
    labels = [index * 5 % 7 % 3 for index in range(SAMPLES)]
    document = {
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "samples": SAMPLES, "stepsPerEpoch": STEPS_PER_EPOCH, "seed": SEED,
        # Multiples of 2^-20; a case takes as many as it needs.
        "pool": pool, "labels": labels,
        "cases": [golden(case, pool, torch.tensor(labels)) for case in CASES],
    }
    print(json.dumps(document, separators=(",", ":")).replace('{"model"', '\n{"model"'))


if __name__ == "__main__":
    main()
