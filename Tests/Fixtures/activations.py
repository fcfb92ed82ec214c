"""Writes activations.json beside this script: PyTorch's activations and losses in float64, for the tests of Lockstep.

    python3 -m pip install torch
    python3 Tests/Fixtures/activations.py

Inputs are sixteenths and eighths, exact in float32. Values are rounded to 17 significant digits.
"""

import json
import pathlib
import sys

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)

ACTIVATIONS = {
    "leaky-relu": torch.nn.LeakyReLU(),
    "leaky-relu 0.25": torch.nn.LeakyReLU(0.25),
    "elu": torch.nn.ELU(),
    "elu 0.5": torch.nn.ELU(0.5),
    "selu": torch.nn.SELU(),
    "gelu": torch.nn.GELU(),
    "silu": torch.nn.SiLU(),
    "sigmoid": torch.nn.Sigmoid(),
    "tanh": torch.nn.Tanh(),
    "softplus": torch.nn.Softplus(),
    "identity": torch.nn.Identity(),
}


def activations():
    inputs = sorted({n / 16 for n in range(-72, 73, 5)} | {-30.0, -12.5, -0.0625, 0.0, 0.0625, 12.5, 30.0})
    result = []
    for name, module in ACTIVATIONS.items():
        x = torch.tensor(inputs, requires_grad=True)
        y = module(x)
        y.sum().backward()
        result.append({"name": name, "x": inputs, "y": y.tolist(), "dx": x.grad.tolist()})
    return result


def losses():
    classes = 5
    labels = torch.tensor([0, 3, 4, 3, 1, 1, 2])
    outputs = torch.tensor([[((r * 37 + j * 23) % 41 - 20) / 8 for j in range(classes)] for r in range(len(labels))])
    weights = torch.tensor([1.0, 2.0, 0.5, 0.25, 3.0])
    hot = F.one_hot(labels, classes).to(outputs.dtype)
    cases = [
        ("cross-entropy", 0.0, None, lambda x: F.cross_entropy(x, labels)),
        ("cross-entropy", 0.1, None, lambda x: F.cross_entropy(x, labels, label_smoothing=0.1)),
        ("cross-entropy", 0.0, weights, lambda x: F.cross_entropy(x, labels, weight=weights)),
        ("cross-entropy", 0.2, weights, lambda x: F.cross_entropy(x, labels, weight=weights, label_smoothing=0.2)),
        ("mse", 0.0, None, lambda x: F.mse_loss(x, hot)),
        ("mae", 0.0, None, lambda x: F.l1_loss(x, hot)),
        ("bce", 0.0, None, lambda x: F.binary_cross_entropy_with_logits(x, hot)),
    ]
    result = []
    for name, smoothing, weight, function in cases:
        x = outputs.clone().requires_grad_()
        loss = function(x)
        loss.backward()
        result.append(
            {
                "name": name,
                "labelSmoothing": smoothing,
                "classWeights": [] if weight is None else weight.tolist(),
                "classCount": classes,
                "labels": labels.tolist(),
                "outputs": outputs.flatten().tolist(),
                "loss": loss.item(),
                "gradient": x.grad.flatten().tolist(),
            }
        )
    return result


def main():
    versions = f"PyTorch {torch.__version__}, Python {sys.version.split()[0]}"
    fixture = {"madeBy": versions, "activations": activations(), "losses": losses()}
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(fixture, indent=1).replace("\n   ", " ").replace("  ", " ") + "\n")
    print(f"{path}: {versions}")


if __name__ == "__main__":
    main()
