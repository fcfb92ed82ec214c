"""What every peer does alike: the networks of networks.json, Fashion-MNIST in memory, and the measurement.

The work is that of `lockstep bench step`: fp32, all 60,000 training images in memory, a new order every epoch, forward
pass, loss, backward pass and update; the short last batch is trained with its true count. The first epoch warms up,
compilation included, and is not counted; the median of the others is the result. For networks that take long an epoch of a
peer is the first `peerSamples` of a new order of all images: the same steps, scattered over the same memory. Not counted
are reading the files, converting bytes to floats from 0 to 1 (once, ahead; Lockstep converts in every step) and starting
the program.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import re
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

NETWORKS = Path(__file__).resolve().with_name("networks.json")
DATA = Path("/usr/share/datasets/fashion-mnist")


@dataclass(frozen=True)
class Layer:
    """A word of a model text; `shape` is that of its output for one sample, channels last."""

    kind: str
    shape: tuple[int, ...]
    kernel: int = 0
    probability: float = 0.0


@dataclass(frozen=True)
class Network:
    name: str
    model: str
    loss: str
    target: str
    optimizer: str
    learningRate: float
    batchSize: int
    epochs: int
    peerEpochs: int
    peerSamples: int
    goal: dict[str, float | str]

    def layers(self, shape: tuple[int, ...]) -> list[Layer]:
        """The layers of the model text for samples of `shape`: [height, width, channels]."""
        layers = []
        for text in self.model.split(", "):
            layer = parse_layer(text, shape)
            shape = layer.shape
            layers.append(layer)
        return layers


def parse_layer(text: str, shape: tuple[int, ...]) -> Layer:
    if match := re.fullmatch(r"dense (\d+)", text):
        return Layer("dense", (int(match[1]),))
    if match := re.fullmatch(r"conv (\d+) (\d+)x\2", text):
        kernel = int(match[2])
        return Layer("conv", (shape[0] - kernel + 1, shape[1] - kernel + 1, int(match[1])), kernel=kernel)
    if text == "maxpool 2":
        return Layer("maxpool", (shape[0] // 2, shape[1] // 2, shape[2]), kernel=2)
    if match := re.fullmatch(r"dropout (0\.\d+)", text):
        return Layer("dropout", shape, probability=float(match[1]))
    if text in ("relu", "tanh", "sigmoid", "batchnorm"):
        return Layer(text, shape)
    sys.exit(f"{NETWORKS}: the peers have no layer '{text}'")


def read_networks() -> dict[str, Network]:
    return {entry["name"]: Network(**entry) for entry in json.loads(NETWORKS.read_text())}


def read_idx(path: Path) -> np.ndarray:
    """An array of bytes: two zero bytes, the type (8: unsigned byte), the rank, big-endian extents, elements."""
    compressed = path.with_name(path.name + ".gz")
    try:
        content = gzip.decompress(compressed.read_bytes()) if compressed.exists() else path.read_bytes()
    except OSError as error:
        sys.exit(f"{error}: install Fashion-MNIST (Debian: dataset-fashion-mnist) or say --data DIR")
    if content[:3] != b"\0\0\x08":
        sys.exit(f"{path} is not an IDX file of bytes")
    extents = np.frombuffer(content, ">u4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(extents)


def read_training_data(arguments: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Images [60000, 28, 28, 1] as floats from 0 to 1, and labels [60000] as int32."""
    images = read_idx(arguments.data / "train-images-idx3-ubyte")[: arguments.samples, ..., None]
    labels = read_idx(arguments.data / "train-labels-idx1-ubyte")[: arguments.samples]
    return images.astype(np.float32) / np.float32(255), labels.astype(np.int32)


def kaiming_uniform(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Weights from ± √(6 / fanIn), Lockstep's default; the last extent of `shape` is the outputs."""
    bound = math.sqrt(6 / math.prod(shape[:-1]))
    return generator.uniform(-bound, bound, shape).astype(np.float32)


def epoch_samples(arguments: argparse.Namespace, count: int) -> int:
    """How many of `count` samples an epoch trains."""
    return min(arguments.epoch_samples or count, count)


def processors() -> int:
    """Those that this process may use; each peer takes as many threads."""
    return len(os.sched_getaffinity(0))


def parse_arguments(description: str, variants: tuple[str, ...], names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description.split("\n\n")[0])
    parser.add_argument("network", choices=names)
    parser.add_argument("--variant", choices=variants, default=variants[0])
    parser.add_argument("--epochs", type=int, default=5, help="measured, after one that warms up; default 5")
    parser.add_argument("--epoch-samples", type=int, help="samples of an epoch, scattered over all; default all")
    parser.add_argument("--samples", type=int, help="train the first so many only, to try a script out")
    parser.add_argument("--data", type=Path, default=DATA, help=f"folder of the IDX files; default {DATA}")
    arguments = parser.parse_args()
    if arguments.epochs < 1:
        parser.error("--epochs: at least one")
    for name in ("samples", "epoch_samples"):
        if (getattr(arguments, name) or 512) < 512:
            parser.error(f"--{name.replace('_', '-')}: at least 512, two of the largest batches")
    return arguments


def report(
    system: str,
    version: str,
    threads: int,
    arguments: argparse.Namespace,
    sample_count: int,
    train_epoch: Callable[[int], float],
) -> None:
    """Measures `train_epoch`, which trains the epoch of that number and gives its mean loss, and prints the result."""
    losses, seconds = [], []
    for epoch in range(arguments.epochs + 1):
        begin = time.perf_counter()
        losses.append(train_epoch(epoch))
        seconds.append(time.perf_counter() - begin)
    print_result(system, version, threads, arguments, sample_count, losses, seconds[1:])


def print_result(
    system: str,
    version: str,
    threads: int,
    arguments: argparse.Namespace,
    sample_count: int,
    losses: list[float],
    seconds: list[float],
) -> None:
    # A benchmark that does not learn has not done the work. Not finite is not less either.
    if not losses[-1] < losses[0]:
        sys.exit(f"{system} {arguments.network} {arguments.variant}: the loss does not fall: {losses}")
    print(
        json.dumps(
            {
                "system": system,
                "network": arguments.network,
                "variant": arguments.variant,
                "samplesPerSecond": sample_count / statistics.median(seconds),
                "slowest": sample_count / max(seconds),
                "fastest": sample_count / min(seconds),
                "epochs": arguments.epochs,
                "threads": threads,
                "version": version,
                "firstLoss": losses[0],
                "lastLoss": losses[-1],
            }
        )
    )
