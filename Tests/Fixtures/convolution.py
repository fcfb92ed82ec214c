"""Writes convolution.json: networks with convolutions and pools, computed by PyTorch in float64.

    python3 Tests/Fixtures/convolution.py > Tests/Fixtures/convolution.json

Inputs, parameters and the logits' gradient are multiples of 1/16, exact in float32. For every value `bound` says how
large the sum of its terms' absolute values is: the same network with absolute weights and inputs, sums instead of
greatest values, and no rectifier. An evaluation in precision u, in any order, is within `roundings` · u · bound.
"""

import json

import torch
from torch import nn

CASES = [
    ("conv 3 3x3, conv 4 2x3 stride 2 padding 1, flatten, dense 3", (7, 8, 1), 3),
    ("conv 4 3x3 padding same, maxpool 2, conv 3 3x3 padding 1, global-avgpool, dense 3", (9, 7, 2), 5),
    ("conv 3 2x4 padding same, relu, maxpool 3 stride 2 padding 1, avgpool 2 stride 1, dense 4", (8, 9, 1), 4),
    ("conv 17 5x5 stride 3 padding 2, relu, conv 5 1x1, avgpool 2, dense 2", (13, 14, 3), 3),
    ("conv 6 3x3, relu, maxpool 2x3 stride 2, conv 18 2x2 padding 1, relu, dense 3", (9, 9, 1), 4),
]
torch.manual_seed(1)
torch.set_default_dtype(torch.float64)


class SumPool(nn.Module):
    """Bounds a pool of greatest or mean values."""

    def __init__(self, size, stride, padding, divisor):
        super().__init__()
        self.scale = size[0] * size[1] / divisor
        self.pool = nn.AvgPool2d(size, stride, padding)

    def forward(self, x):
        return self.pool(x) * self.scale


def option(words, name):
    return words[words.index(name) + 1] if name in words else None


def build(text, shape, bounding):
    """The network, and how many roundings a value meets on its way forward and back."""
    height, width, channels = shape
    layers, roundings, flat = [], 0, None
    for part in text.split(", "):
        name, *words = part.split()
        size = tuple(int(n) for n in words[-1 if name == "dense" else {"conv": 1}.get(name, 0)].split("x")) if words else ()
        size = size * 2 if len(size) == 1 else size
        stride = option(words, "stride")
        padding = option(words, "padding") or "0"
        if name == "conv":
            pad = "same" if padding == "same" else int(padding)
            layers.append(nn.Conv2d(channels, int(words[0]), size, int(stride or 1), pad))
            # Forward, dx, and dW over at most 5 samples.
            roundings += size[0] * size[1] * (channels + int(words[0])) + 5 * height * width + 4
            channels = int(words[0])
        elif name in ("maxpool", "avgpool"):
            stride = int(stride) if stride else size
            pad = int(padding)
            mean = name == "avgpool"
            if bounding:
                layers.append(SumPool(size, stride, pad, size[0] * size[1] if mean else 1))
            else:
                layers.append(nn.AvgPool2d(size, stride) if mean else nn.MaxPool2d(size, stride, pad))
            roundings += 2 * size[0] * size[1] + 2
        elif name == "global-avgpool":
            layers += [nn.AdaptiveAvgPool2d(1)]
            roundings += height * width + 2
        elif name == "relu":
            layers += [] if bounding else [nn.ReLU()]
        elif name == "dense":
            count = nn.Sequential(*layers, nn.Flatten())(torch.zeros(1, *INPUT)).shape[1]
            layers += [nn.Flatten(), nn.Linear(count, int(words[0]))]
            roundings += count + int(words[0]) + 5 + 4
    return nn.Sequential(*layers), roundings


def run(model, x, gradient):
    y = model(x)
    y.backward(gradient)
    return y.detach(), [p.grad.detach() for p in model.parameters()]


def grid(*shape):
    return torch.randint(-16, 17, shape).double() / 16


def numbers(tensor):
    return [float(v) for v in tensor.flatten()]


cases = []
for text, (height, width, channels), samples in CASES:
    INPUT = (channels, height, width)
    model, roundings = build(text, (height, width, channels), False)
    bounding, _ = build(text, (height, width, channels), True)
    with torch.no_grad():
        for p, q in zip(model.parameters(), bounding.parameters()):
            p.copy_(grid(*p.shape))
            q.copy_(p.abs())
    x = grid(samples, *INPUT)
    y, gradients = run(model, x, gradient := grid(samples, *model(x).shape[1:]))
    y_bound, bounds = run(bounding, x.abs(), gradient.abs())
    cases.append({
        "model": text, "inputShape": [height, width, channels], "samples": samples, "roundings": roundings,
        "x": numbers(x), "parameters": [numbers(p) for p in model.parameters()], "logitsGradient": numbers(gradient),
        "logits": numbers(y), "logitsBound": numbers(y_bound), "gradients": [numbers(g) for g in gradients],
        "gradientBounds": [numbers(b) for b in bounds],
    })
print(json.dumps({"torch": torch.__version__.split("+")[0], "cases": cases}).replace('{"model"', '\n{"model"'))
