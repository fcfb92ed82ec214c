#!/usr/bin/env python3
"""Writes optimizers.json: what PyTorch computes in float64 for every optimizer, with parameter groups, and schedule.

    pip install torch numpy
    python3 Tests/Fixtures/optimizers.py > Tests/Fixtures/optimizers.json

LAMB, which PyTorch lacks, is written out below from You et al. 2020, algorithm 2, with the identity as φ.
"""

import json
import platform

import torch
from torch.optim import lr_scheduler

torch.set_default_dtype(torch.float64)

# Two tensors, so that norms of tensors and of all parameters differ. All values are exact in float32.
START = [[0.5, -1.25, 0.75, 2.0, -0.03125], [1.5, -0.5, 0.25]]
STEPS = 10


def gradient(step, tensor, index):
    """A multiple of 1/64 from −2 to 2, some of them 0."""
    return ((step * 37 + tensor * 101 + index * 59 + step * index * 13) % 257 - 128) / 64


GRADIENTS = [
    [[gradient(step, t, i) for i in range(len(values))] for t, values in enumerate(START)] for step in range(STEPS)
]


class LAMB(torch.optim.Optimizer):
    def __init__(self, params, lr, betas, eps, weight_decay):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))

    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                state = self.state[p]
                t = state["t"] = state.get("t", 0) + 1
                m = state["m"] = beta1 * state.get("m", torch.zeros_like(p)) + (1 - beta1) * p.grad
                v = state["v"] = beta2 * state.get("v", torch.zeros_like(p)) + (1 - beta2) * p.grad**2
                r = m / (1 - beta1**t) / ((v / (1 - beta2**t)).sqrt() + group["eps"])
                u = r + group["weight_decay"] * p
                ratio = p.norm() / u.norm() if p.norm() > 0 and u.norm() > 0 else 1.0
                p.data -= group["lr"] * ratio * u


def adam(h):
    return dict(betas=(h["beta1"], h["beta2"]), eps=h["epsilon"], weight_decay=h["weight-decay"])


BETAS = {"beta1": 0.9, "beta2": 0.999}
# Name: defaults as the program has them, and PyTorch's optimizer for hyperparameters h.
OPTIMIZERS = {
    "sgd": (
        {"momentum": 0.0, "weight-decay": 0.0},
        lambda p, lr, h: torch.optim.SGD(p, lr, h["momentum"], weight_decay=h["weight-decay"]),
    ),
    "momentum": (
        {"momentum": 0.9, "weight-decay": 0.0},
        lambda p, lr, h: torch.optim.SGD(p, lr, h["momentum"], weight_decay=h["weight-decay"]),
    ),
    "nesterov": (
        {"momentum": 0.9, "weight-decay": 0.0},
        lambda p, lr, h: torch.optim.SGD(p, lr, h["momentum"], weight_decay=h["weight-decay"], nesterov=True),
    ),
    "rmsprop": (
        {"alpha": 0.99, "epsilon": 1e-8, "weight-decay": 0.0},
        lambda p, lr, h: torch.optim.RMSprop(p, lr, h["alpha"], h["epsilon"], h["weight-decay"]),
    ),
    "adagrad": (
        {"epsilon": 1e-10, "weight-decay": 0.0},
        lambda p, lr, h: torch.optim.Adagrad(p, lr, weight_decay=h["weight-decay"], eps=h["epsilon"]),
    ),
    "adam": ({**BETAS, "epsilon": 1e-8, "weight-decay": 0.0}, lambda p, lr, h: torch.optim.Adam(p, lr, **adam(h))),
    "adamw": ({**BETAS, "epsilon": 1e-8, "weight-decay": 0.01}, lambda p, lr, h: torch.optim.AdamW(p, lr, **adam(h))),
    "nadam": ({**BETAS, "epsilon": 1e-8, "weight-decay": 0.0}, lambda p, lr, h: torch.optim.NAdam(p, lr, **adam(h))),
    "lamb": ({**BETAS, "epsilon": 1e-6, "weight-decay": 0.01}, lambda p, lr, h: LAMB(p, lr, **adam(h))),
}


def train(rule, changed, clip_value=None, clip_norm=None, average=None, learning_rate=0.05, tensors=None):
    """`tensors`: by tensor, what its parameter group has of its own; `isFrozen` ones are in no group."""
    defaults, make = OPTIMIZERS[rule]
    hyperparameters = {**defaults, **changed}
    all_parameters = [torch.nn.Parameter(torch.tensor(values)) for values in START]
    groups = []
    for p, own in zip(all_parameters, tensors or [{}] * len(START)):
        names = {"learningRate": "lr", "weightDecay": "weight_decay"}
        if not own.get("isFrozen"):
            groups.append({"params": [p], **{names[key]: value for key, value in own.items() if key in names}})
    parameters = [group["params"][0] for group in groups]
    optimizer = make(groups, learning_rate, hyperparameters)
    averages = None
    for step in range(STEPS):
        for p, g in zip(all_parameters, GRADIENTS[step]):
            p.grad = torch.tensor(g)
        if clip_value is not None:
            torch.nn.utils.clip_grad_value_(parameters, clip_value)
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(parameters, clip_norm)
        optimizer.step()
        if average is not None:
            update = torch.optim.swa_utils.get_ema_multi_avg_fn(average)
            current = [p.detach().clone() for p in all_parameters]
            if averages is None:
                averages = current
            else:
                update(averages, current, step)
    result = {
        "rule": rule, "hyperparameters": hyperparameters, "isDefault": not changed, "learningRate": learning_rate,
        "parameters": [p.tolist() for p in all_parameters],
    }
    extra = {"clipValue": clip_value, "clipNorm": clip_norm, "average": average, "tensors": tensors}
    result.update({key: value for key, value in extra.items() if value is not None})
    if averages is not None:
        result["averages"] = [a.tolist() for a in averages]
    return result


def trainings():
    for rule, (defaults, _) in OPTIMIZERS.items():
        yield train(rule, {})
        yield train(rule, {"weight-decay": 0.25})
        if "momentum" in defaults:
            yield train(rule, {"momentum": 0.5})
        if "alpha" in defaults:
            yield train(rule, {"alpha": 0.8})
        if "beta1" in defaults:
            yield train(rule, {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3})
        yield train(rule, {}, clip_norm=1.0)
    yield train("momentum", {}, clip_value=0.5)
    yield train("momentum", {}, clip_value=0.5, clip_norm=0.75)
    yield train("adam", {}, average=0.9)
    yield train("lamb", {}, average=0.5)
    for rule in OPTIMIZERS:
        yield train(rule, {}, tensors=[{"learningRate": 0.02, "weightDecay": 0.5}, {}])
        yield train(rule, {"weight-decay": 0.25}, tensors=[{}, {"weightDecay": 0.0, "learningRate": 0.125}])
        yield train(rule, {"weight-decay": 0.25}, clip_norm=1.0, tensors=[{"isFrozen": True}, {"learningRate": 0.1}])
        yield train(rule, {}, clip_norm=1.0, average=0.5, tensors=[{"weightDecay": 0.5}, {"isFrozen": True}])


STEPS_PER_EPOCH = 5
LOSSES = [2.0, 1.5, 1.5, 1.49999, 1.6, 1.2, 1.3, 1.3]


def rates(make, count, per_step, base):
    """`make` takes an optimizer of learning rate `base`."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], base)
    scheduler = make(optimizer)
    result = []
    for step in range(count):
        result.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if per_step:
            scheduler.step()
        elif (step + 1) % STEPS_PER_EPOCH == 0:
            epoch = step // STEPS_PER_EPOCH
            arguments = [LOSSES[epoch]] if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau) else []
            scheduler.step(*arguments)
    return result


def schedule(name, text, make, per_step, base=0.05, warm_up=None, count=40):
    first = []
    if warm_up is not None:
        n = int("".join(c for c in warm_up if c.isdigit())) * (STEPS_PER_EPOCH if "epoch" in warm_up else 1)
        first = rates(lambda o: lr_scheduler.LinearLR(o, 1 / n, 1.0, max(n - 1, 1)), n, True, base)
    rest = rates(lambda o: make(o, count - len(first)), count - len(first), per_step, base)
    result = {"name": name, "schedule": text, "learningRate": base, "rates": first + rest}
    if warm_up is not None:
        result["warmUp"] = warm_up
    return result


def one_cycle(maximum, *divisors):
    names = dict(zip(("pct_start", "div_factor", "final_div_factor"), divisors))
    return lambda o, n: lr_scheduler.OneCycleLR(o, maximum, total_steps=n, **names)


def schedules():
    constant = lambda o, n: lr_scheduler.LambdaLR(o, lambda s: 1.0)
    yield schedule("constant", "constant", constant, True)
    yield schedule("constant", "constant", constant, True, warm_up="7steps")
    yield schedule("step", "step 2 0.5", lambda o, n: lr_scheduler.StepLR(o, 2, 0.5), False)
    yield schedule("step", "step 3", lambda o, n: lr_scheduler.StepLR(o, 3, 0.1), False, warm_up="1epochs")
    yield schedule("exponential", "exponential 0.95", lambda o, n: lr_scheduler.ExponentialLR(o, 0.95), False)
    cosine = lambda minimum: lambda o, n: lr_scheduler.CosineAnnealingLR(o, n, minimum)
    yield schedule("cosine", "cosine", cosine(0), True)
    yield schedule("cosine", "cosine 0.001", cosine(0.001), True, warm_up="2epochs")
    yield schedule("one-cycle", "one-cycle 0.01", one_cycle(0.01), True, base=0.01)
    yield schedule("one-cycle", "one-cycle", one_cycle(0.05), True)
    yield schedule("one-cycle", "one-cycle 0.2 0.4 10 100", one_cycle(0.2, 0.4, 10, 100), True, base=0.2)
    yield schedule("one-cycle", "one-cycle 0.2 0.01 10 100", one_cycle(0.2, 0.01, 10, 100), True, base=0.2)
    plateau = lambda *a: lambda o, n: lr_scheduler.ReduceLROnPlateau(o, "min", a[0], a[1], a[2])
    yield schedule("plateau", "plateau 0.5 1", plateau(0.5, 1, 1e-4), False)
    yield schedule("plateau", "plateau 0.1 0 0.1", plateau(0.1, 0, 0.1), False)
    yield schedule("plateau", "plateau", plateau(0.1, 10, 1e-4), False)


def main():
    # A schedule steps once more after its last rate; OneCycleLR then complains.
    original = lr_scheduler.OneCycleLR.step

    def guarded(self, *arguments):
        if self.last_epoch + 1 < self.total_steps:
            original(self, *arguments)

    lr_scheduler.OneCycleLR.step = guarded
    document = {
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "start": START,
        "gradients": GRADIENTS,
        "trainings": list(trainings()),
        "stepsPerEpoch": STEPS_PER_EPOCH,
        "losses": LOSSES,
        "schedules": list(schedules()),
    }
    # One line for each training and schedule.
    text = json.dumps(document)
    for key in ('"start"', '"gradients"', '"trainings"', '"stepsPerEpoch"', '"schedules"', '{"rule"', '{"name"'):
        text = text.replace(key, "\n" + key)
    print(text)


if __name__ == "__main__":
    main()
