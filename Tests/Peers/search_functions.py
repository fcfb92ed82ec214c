"""Functions to minimize, on which samplers are compared. Tests/RankPrograms/SearchFunctions has the same in Swift, and the
values at the points of Tests/Fixtures/search-points.json keep the two together.

A space is a list of (name, domain) or (name, domain, {parent: values}); a parameter with parents exists only where each of
them has one of those values.
"""

import csv
import functools
import math
from pathlib import Path


def uniform(low, high):
    return ("uniform", low, high)


def log(low, high):
    return ("log", low, high)


def whole(low, high):
    return ("whole", low, high)


def choice(*values):
    return ("choice", values)


def branin(p):
    x, y = p["x"], p["y"]
    a = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return a * a + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


ALPHA = (1.0, 1.2, 3.0, 3.2)
A = (
    (10, 3, 17, 3.5, 1.7, 8),
    (0.05, 10, 17, 0.1, 8, 14),
    (3, 3.5, 1.7, 10, 17, 8),
    (17, 8, 0.05, 10, 0.1, 14),
)
P = (
    (1312, 1696, 5569, 124, 8283, 5886),
    (2329, 4135, 8307, 3736, 1004, 9991),
    (2348, 1451, 3522, 2883, 3047, 6650),
    (4047, 8828, 8732, 5743, 1091, 381),
)


def hartmann6(p):
    x = [p[f"x{i}"] for i in range(6)]
    return -sum(
        alpha * math.exp(-sum(a[j] * (x[j] - c[j] * 1e-4) ** 2 for j in range(6))) for alpha, a, c in zip(ALPHA, A, P)
    )


def styblinski(p):
    return sum(x**4 - 16 * x * x + 5 * x for x in (p[f"x{i}"] for i in range(4))) / 2


def mixed(p):
    """Ackley's function over reals and whole numbers, moved by a choice."""
    shift, offset = {"a": (0.0, 0.0), "b": (0.5, 0.3), "c": (1.0, 0.6)}[p["c"]]
    x = [p["x0"] - shift, p["x1"] + shift, p["i0"], p["i1"]]
    squares = sum(v * v for v in x) / 4
    waves = sum(math.cos(2 * math.pi * v) for v in x) / 4
    return -20 * math.exp(-0.2 * math.sqrt(squares)) - math.exp(waves) + 20 + math.e + offset


def training(p):
    """A loss over what one tunes: the learning rate that fits grows with the batch."""
    rate = math.log10(p["lr"]) + 2.5 - 0.3 * math.log2(p["batch"] / 64)
    decay = math.log10(p["wd"]) + 4
    return (
        0.1
        + 0.08 * rate * rate
        + 0.02 * decay * decay * (1 + p["dropout"])
        + 0.5 * (p["dropout"] - 0.2) ** 2
        + 0.01 * (p["layers"] - 3) ** 2
        + 0.01 * abs(math.log2(p["batch"] / 64))
    )


def optimizers(p):
    """Each optimizer has its own parameters, and its own best learning rate."""
    rate = math.log10(p["lr"])
    decay = math.log10(p["wd"]) + 4
    value = 0.01 * decay * decay
    if p["optimizer"] == "sgd":
        return value + 0.30 + 0.05 * (rate + 0.7) ** 2
    if p["optimizer"] == "momentum":
        m = p["momentum"]
        return value + 0.24 + 0.06 * (rate - math.log10(1 - m) + 0.5) ** 2 + 0.1 * (m - 0.9) ** 2
    return value + 0.20 + 0.08 * (rate + 3) ** 2 + 0.02 * (math.log10(p["rest"]) + 2.5) ** 2


def kernels(p):
    """A machine with kernels: what a kernel has no use for is not there."""
    c = math.log10(p["C"])
    if p["kernel"] == "linear":
        return 0.15 + 0.02 * c * c
    gamma = math.log10(p["gamma"])
    if p["kernel"] == "poly":
        return 0.10 + 0.02 * (p["degree"] - 3) ** 2 + 0.01 * (c + 2 * gamma) ** 2 + 0.01 * (gamma + 1) ** 2
    return 0.05 + 0.03 * (c + gamma + 1) ** 2 + 0.01 * (c - 1) ** 2


def table(a, b):
    return ((a * 7919 + b * 104729 + 13) * 2654435761 % 2**32) / 2**32


def choices(p):
    """Six choices of four, each with a value of its own and one with its neighbour."""
    c = [int(p[f"c{i}"][1:]) for i in range(6)]
    return sum(table(i, c[i]) for i in range(6)) + sum(0.5 * table(100 + 31 * i + 5 * c[i], c[i + 1]) for i in range(5))


RATES = ("0.0001", "0.0005", "0.003", "0.02", "0.1")


@functools.cache
def fashion_table():
    with open(Path(__file__).parent.parent / "Fixtures" / "fashion-table.csv", newline="") as file:
        # A training that diverged learned nothing: of ten classes it is right in a tenth.
        return {tuple(row[:-1]): float(row[-1] or 0.1) for row in list(csv.reader(file))[1:]}


def fashion(p):
    """The error of a dense network after one epoch of Fashion-MNIST: Tests/Fixtures/fashion-table.csv. Sizes and learning
    rates are whole numbers that say which, so that for every program they have an order."""
    size, rate = str(2 ** p["size"]), RATES[p["rate"]]
    return 1 - fashion_table()[p["activation"], str(p["layers"]), size, rate, p["optimizer"]]


SPACES = {
    "branin": [("x", uniform(-5.0, 10.0)), ("y", uniform(0.0, 15.0))],
    "hartmann6": [(f"x{i}", uniform(0.0, 1.0)) for i in range(6)],
    "styblinski": [(f"x{i}", uniform(-5.0, 5.0)) for i in range(4)],
    "mixed": [
        ("c", choice("a", "b", "c")),
        ("i0", whole(-5, 10)),
        ("i1", whole(-5, 10)),
        ("x0", uniform(-5.0, 10.0)),
        ("x1", uniform(-5.0, 10.0)),
    ],
    "training": [
        ("batch", choice(16, 32, 64, 128, 256)),
        ("dropout", uniform(0.0, 0.7)),
        ("layers", whole(1, 6)),
        ("lr", log(1e-6, 1.0)),
        ("wd", log(1e-8, 0.1)),
    ],
    "optimizers": [
        ("optimizer", choice("sgd", "momentum", "adam")),
        ("lr", log(1e-5, 1.0)),
        ("momentum", uniform(0.0, 0.99), {"optimizer": ["momentum"]}),
        ("rest", log(1e-4, 0.5), {"optimizer": ["adam"]}),
        ("wd", log(1e-7, 0.1)),
    ],
    "kernels": [
        ("kernel", choice("rbf", "poly", "linear")),
        ("C", log(1e-3, 1e3)),
        ("gamma", log(1e-5, 10.0), {"kernel": ["rbf", "poly"]}),
        ("degree", whole(2, 5), {"kernel": ["poly"]}),
    ],
    "choices": [(f"c{i}", choice("c0", "c1", "c2", "c3")) for i in range(6)],
    "fashion": [
        ("activation", choice("sigmoid", "tanh", "relu", "elu", "gelu")),
        ("layers", whole(1, 5)),
        ("size", whole(4, 7)),
        ("rate", whole(0, 4)),
        ("optimizer", choice("sgd", "momentum", "rmsprop", "adam")),
    ],
}
FUNCTIONS = {
    f.__name__: f for f in (branin, hartmann6, styblinski, mixed, training, optimizers, kernels, choices, fashion)
}
