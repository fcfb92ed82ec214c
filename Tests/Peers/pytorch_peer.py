"""PyTorch's side of the comparison.

As an expert would write it: tensors in memory, one `index_select` for each batch, fused optimizers where there are any,
no value taken out of a tensor within an epoch. Variants: `eager`; `compiled`, forward and backward through
`torch.compile`, and NAdam's update too, of which PyTorch has no fused one; `ddp`, one process with one thread for each
processor, DistributedDataParallel over gloo, each process trains its part of every batch (batch norm then takes the
statistics of the part: SyncBatchNorm needs GPUs). work.py says what is measured and what is not.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
from pathlib import Path

import torch
import torch.distributed
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import work


def build(network: work.Network, shape: tuple[int, ...]) -> nn.Sequential:
    """Images go in as [batch, channels, height, width], other samples as [batch, features]."""
    modules: list[nn.Module] = []
    for layer in network.layers(shape):
        match layer.kind:
            case "dense":
                if len(shape) > 1 and modules:
                    modules.append(nn.Flatten())
                modules.append(nn.Linear(math.prod(shape), layer.shape[0]))
            case "conv":
                modules.append(nn.Conv2d(shape[-1], layer.shape[-1], layer.kernel))
            case "maxpool":
                modules.append(nn.MaxPool2d(2))
            case "batchnorm":
                modules.append(nn.BatchNorm1d(layer.shape[0]))
            case "dropout":
                modules.append(nn.Dropout(layer.probability))
            case "relu":
                modules.append(nn.ReLU())
            case "tanh":
                modules.append(nn.Tanh())
            case "sigmoid":
                modules.append(nn.Sigmoid())
        shape = layer.shape
    for module in modules:
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
            nn.init.constant_(module.get_parameter("bias"), 0)
    return nn.Sequential(*modules)


def make_optimizer(network: work.Network, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    match network.optimizer:
        case "sgd":
            return torch.optim.SGD(parameters, lr=network.learningRate, fused=True)
        case "adam":
            return torch.optim.Adam(parameters, lr=network.learningRate, fused=True)
        case _:
            return torch.optim.NAdam(parameters, lr=network.learningRate)


def train(arguments: argparse.Namespace, rank: int, size: int, threads: int) -> None:
    """Trains as process `rank` of `size`; the first one prints the result."""
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    network = work.read_networks()[arguments.network]
    host_images, host_labels = work.read_training_data(arguments)
    count, shape = len(host_images), host_images.shape[1:]
    epoch_samples = work.epoch_samples(arguments, count)
    model = build(network, shape)
    images = torch.from_numpy(host_images.reshape(count, -1))
    if network.layers(shape)[0].kind == "conv":
        images = images.reshape(count, shape[2], *shape[:2])
        for parameter in model.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    labels = torch.from_numpy(host_labels).long()
    parameters = list(model.parameters())
    is_classifier = network.target == "class"
    criterion = nn.CrossEntropyLoss() if is_classifier else nn.MSELoss()
    trained: nn.Module = model
    if arguments.variant == "ddp":
        trained = DistributedDataParallel(model, gradient_as_bucket_view=True, static_graph=True)

    def batch_loss(x: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return criterion(trained(x), targets)

    optimizer = make_optimizer(network, parameters)
    update = optimizer.step
    if arguments.variant == "compiled":
        batch_loss = torch.compile(batch_loss, dynamic=False, fullgraph=True)
        if not optimizer.defaults.get("fused"):
            update = torch.compile(update)

    def train_epoch(_: int) -> float:
        total = torch.zeros(())
        for indices in torch.randperm(count)[:epoch_samples].split(network.batchSize):
            indices = indices.tensor_split(size)[rank] if size > 1 else indices
            x = images.index_select(0, indices)
            loss = batch_loss(x, labels.index_select(0, indices) if is_classifier else x)
            loss.backward()
            update()
            optimizer.zero_grad()
            total += loss.detach() * len(indices)
        if size > 1:
            torch.distributed.all_reduce(total)
        return total.item() / epoch_samples

    if rank == 0:
        work.report("pytorch", torch.__version__, threads * size, arguments, epoch_samples, train_epoch)
    else:
        for epoch in range(arguments.epochs + 1):
            train_epoch(epoch)


def train_rank(rank: int, arguments: argparse.Namespace, allowed: list[int], meeting: str) -> None:
    os.sched_setaffinity(0, {allowed[rank]})
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    size = len(allowed)
    torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    train(arguments, rank, size, threads=1)
    torch.distributed.barrier()
    # Without Python's orderly end, in which threads of gloo are at times found running and the process aborts.
    sys.stdout.flush()
    os._exit(0)


def main() -> None:
    arguments = work.parse_arguments(__doc__, ("eager", "compiled", "ddp"), list(work.read_networks()))
    if arguments.variant != "ddp":
        train(arguments, 0, 1, work.processors())
        return
    allowed = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        meeting = str(Path(folder) / "meeting")
        torch.multiprocessing.spawn(train_rank, (arguments, allowed, meeting), nprocs=len(allowed))


if __name__ == "__main__":
    main()
