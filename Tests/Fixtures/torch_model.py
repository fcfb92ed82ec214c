"""A model text of Lockstep as a torch.nn.Sequential whose state_dict has the names and shapes of a checkpoint.

    model = torch_model.build("conv 8 3x3, batchnorm, relu, flatten, dense 10", [28, 28])
    model.load_state_dict(safetensors.torch.load_file("step-000100.safetensors"))

Images go in as PyTorch has them, [samples, channels, height, width]; other shapes as [samples, features].
"""

import torch
from torch import nn


class Dense(nn.Linear):
    """Flattens what comes in."""

    def forward(self, x):
        return super().forward(x.flatten(1))


class Reshape(nn.Module):
    """The same elements in the same order with another shape, images with channels last. `flattened`: the image, channels
    last, that a row of features was before `flatten`."""

    def __init__(self, extents, flattened):
        super().__init__()
        self.extents, self.flattened = extents, flattened

    def forward(self, x):
        if self.flattened:
            height, width, channels = self.flattened
            x = x.unflatten(1, (channels, height, width))
        if x.dim() == 4:
            x = x.permute(0, 2, 3, 1)
        x = x.reshape(-1, *self.extents)
        return x.permute(0, 3, 1, 2) if x.dim() == 4 else x


class GlobalAveragePool(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


class Dropout(nn.Module):
    """In training it multiplies by `mask`, which the caller sets. `image`: what a flattened row was, channels last."""

    def __init__(self, probability, operation, shape, image):
        super().__init__()
        self.probability, self.operation, self.shape, self.image = probability, operation, shape, image
        self.mask = None

    def forward(self, x):
        return x * self.mask if self.training else x


class LayerNorm(nn.LayerNorm):
    def __init__(self, shape):
        super().__init__([shape[2], shape[0], shape[1]] if len(shape) == 3 else shape)


class Residual(nn.Sequential):
    def forward(self, x):
        y = x
        for name, module in self.named_children():
            y = y if name == "shortcut" else module(y)
        return y + (self.shortcut(x) if hasattr(self, "shortcut") else x)


def split(text):
    """At commas outside of braces."""
    parts, depth, begin = [], 0, 0
    for index, character in enumerate(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(text[begin:index].strip())
            begin = index + 1
    return parts + [text[begin:].strip()]


def braces(text):
    """What stands in each outermost pair of braces."""
    blocks, depth, begin = [], 0, 0
    for index, character in enumerate(text):
        if character == "{":
            depth += 1
            begin = index + 1 if depth == 1 else begin
        elif character == "}":
            depth -= 1
            blocks += [text[begin:index]] if depth == 0 else []
    return blocks


def pair(word):
    extents = [int(n) for n in word.split("x")]
    return tuple(extents * 2 if len(extents) == 1 else extents)


def option(words, name, default):
    return words[words.index(name) + 1] if name in words else default


ACTIVATIONS = {
    "relu": nn.ReLU, "leaky-relu": nn.LeakyReLU, "elu": nn.ELU, "selu": nn.SELU, "gelu": nn.GELU, "silu": nn.SiLU,
    "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "softplus": nn.Softplus, "identity": nn.Identity,
}


class Builder:
    def __init__(self):
        # Operations are counted as Lockstep does: dropout's random numbers belong to one.
        self.operations = 0

    def layers(self, text, shape, flattened, container):
        """Appends to `container`; returns the output's shape, channels last, and what it was before `flatten`."""
        for index, part in enumerate(split(text)):
            module, shape, flattened = self.layer(part, shape, flattened)
            container.add_module(str(index), module)
        return shape, flattened

    def layer(self, part, shape, flattened):
        if part.startswith("residual"):
            block, *shortcut = braces(part)
            module = Residual()
            given = self.layers(block, shape, flattened, module)
            if shortcut:
                module.add_module("shortcut", nn.Sequential())
                self.layers(shortcut[0], shape, flattened, module.shortcut)
            self.operations += 1
            return module, *given
        name, *words = part.split()
        operation, self.operations = self.operations, self.operations + 1
        count = 1
        for extent in shape:
            count *= extent
        if name == "dense":
            return Dense(count, int(words[0])), [int(words[0])], None
        if name in ACTIVATIONS:
            return ACTIVATIONS[name](*[float(w) for w in words]), shape, flattened
        if name == "softmax":
            return nn.Softmax(1), shape, flattened
        if name == "dropout":
            return Dropout(float(words[0]), operation, shape, flattened), shape, flattened
        if name == "layernorm":
            return LayerNorm(shape), shape, flattened
        if name == "flatten":
            return nn.Flatten(), [count], (shape if len(shape) == 3 else flattened)
        if name == "reshape":
            extents = [int(n) for n in words[0].split("x")]
            return Reshape(extents, flattened), extents, None
        if name == "batchnorm":
            return (nn.BatchNorm2d(shape[2]) if len(shape) == 3 else nn.BatchNorm1d(count)), shape, flattened
        height, width, channels = shape
        if name == "global-avgpool":
            return GlobalAveragePool(), [channels], None
        stride, padding = option(words, "stride", None), option(words, "padding", "0")
        size = pair(words[1] if name.startswith("conv") else words[0])
        if name == "conv":
            module = nn.Conv2d(
                channels, int(words[0]), size, int(stride or 1), padding if padding == "same" else int(padding))
        elif name == "conv-transpose":
            module = nn.ConvTranspose2d(channels, int(words[0]), size, int(stride or 1), int(padding))
        elif name == "maxpool":
            module = nn.MaxPool2d(size, int(stride) if stride else size, int(padding))
        elif name == "avgpool":
            module = nn.AvgPool2d(size, int(stride) if stride else size)
        else:
            raise ValueError(f"unknown layer {part!r}")
        given = module(torch.zeros(1, channels, height, width, dtype=torch.get_default_dtype())).shape
        return module, [given[2], given[3], given[1]], None


def build(text, input_shape):
    """`input_shape` as Lockstep has it: [height, width], [height, width, channels] or [features]."""
    shape = list(input_shape) + [1] if len(input_shape) == 2 else list(input_shape)
    model = nn.Sequential()
    Builder().layers(text, shape, None, model)
    return model
