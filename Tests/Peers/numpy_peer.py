"""NumPy's side of the comparison: dense networks written out by hand.

As an expert would write it: parameters, gradients and optimizer state flat, all results in place (`out=`) in arrays
that are kept from step to step, products through the BLAS that NumPy comes with, with the threads that it takes.
work.py says what is measured and what is not. Convolutions are left out: NumPy has none.
"""

from __future__ import annotations

import math

import numpy as np

import work


class Dense:
    """y = x W + b; backward: dW = xᵀ dy, db = Σ dy, dx = dy Wᵀ (not for the first layer)."""

    def __init__(self, weights, bias, weight_gradient, bias_gradient, batch_size, is_first):
        self.weights, self.bias, self.is_first = weights, bias, is_first
        self.weight_gradient, self.bias_gradient = weight_gradient, bias_gradient
        self.output = np.empty((batch_size, weights.shape[1]), np.float32)
        self.input_gradient = None if is_first else np.empty((batch_size, weights.shape[0]), np.float32)

    def forward(self, x):
        self.x = x
        y = np.matmul(x, self.weights, out=self.output[: len(x)])
        y += self.bias
        return y

    def backward(self, dy):
        np.matmul(self.x.T, dy, out=self.weight_gradient)
        np.sum(dy, axis=0, out=self.bias_gradient)
        return None if self.is_first else np.matmul(dy, self.weights.T, out=self.input_gradient[: len(dy)])


class BatchNorm:
    """y = γ (x − μ) / √(σ² + ε) + β with the batch's statistics; the running ones follow as PyTorch's."""

    def __init__(self, scale, shift, scale_gradient, shift_gradient, batch_size):
        self.scale, self.shift = scale, shift
        self.scale_gradient, self.shift_gradient = scale_gradient, shift_gradient
        self.normalized = np.empty((batch_size, len(scale)), np.float32)
        self.output = np.empty_like(self.normalized)
        self.running_mean, self.running_variance = np.zeros_like(scale), np.ones_like(scale)

    def forward(self, x):
        count = len(x)
        normalized, y = self.normalized[:count], self.output[:count]
        mean = x.mean(axis=0)
        np.subtract(x, mean, out=normalized)
        variance = np.einsum("ij,ij->j", normalized, normalized) / np.float32(count)
        self.inverse = 1 / np.sqrt(variance + np.float32(1e-5))
        normalized *= self.inverse
        np.multiply(normalized, self.scale, out=y)
        y += self.shift
        self.running_mean += np.float32(0.1) * (mean - self.running_mean)
        self.running_variance += np.float32(0.1) * (variance * np.float32(count / (count - 1)) - self.running_variance)
        return y

    def backward(self, dy):
        count = len(dy)
        normalized = self.normalized[:count]
        np.sum(dy, axis=0, out=self.shift_gradient)
        np.einsum("ij,ij->j", dy, normalized, out=self.scale_gradient)
        normalized *= self.scale_gradient / np.float32(count)
        dy -= self.shift_gradient / np.float32(count)
        dy -= normalized
        dy *= self.scale * self.inverse
        return dy


class ReLU:
    def forward(self, x):
        self.y = np.maximum(x, 0, out=x)
        return self.y

    def backward(self, dy):
        dy *= self.y > 0
        return dy


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x, out=x)
        return self.y

    def backward(self, dy):
        self.y *= self.y
        np.subtract(1, self.y, out=self.y)
        dy *= self.y
        return dy


class Sigmoid:
    def forward(self, x):
        np.negative(x, out=x)
        np.exp(x, out=x)
        x += 1
        self.y = np.reciprocal(x, out=x)
        return self.y

    def backward(self, dy):
        dy *= self.y
        np.subtract(1, self.y, out=self.y)
        dy *= self.y
        return dy


class Dropout:
    """What is kept is divided by 1 − p. The mask takes 16 random bits for each element."""

    def __init__(self, probability, generator):
        self.limit = np.uint16(round(probability * 65536))
        self.factor = np.float32(1 / (1 - probability))
        self.generator = generator

    def forward(self, x):
        bits = self.generator.integers(0, 65536, x.shape, np.uint16)
        self.mask = np.multiply(bits >= self.limit, self.factor, dtype=np.float32)
        x *= self.mask
        return x

    def backward(self, dy):
        dy *= self.mask
        return dy


class SGD:
    def __init__(self, parameters, gradients, learning_rate):
        self.parameters, self.gradients = parameters, gradients
        self.factor = np.float32(learning_rate)

    def step(self):
        self.gradients *= self.factor
        self.parameters -= self.gradients


class Adam:
    """PyTorch's Adam, and its NAdam (momentum decay 0.004)."""

    beta1, beta2, epsilon = 0.9, 0.999, 1e-8

    def __init__(self, parameters, gradients, learning_rate, is_nesterov=False):
        self.parameters, self.gradients = parameters, gradients
        self.learning_rate, self.is_nesterov = learning_rate, is_nesterov
        self.mean, self.square = np.zeros_like(parameters), np.zeros_like(parameters)
        self.scratch, self.denominator = np.empty_like(parameters), np.empty_like(parameters)
        self.count, self.momentum_product = 0, 1.0

    def momentum(self, step):
        return self.beta1 * (1 - 0.5 * 0.96 ** (step * 0.004))

    def step(self):
        gradients, scratch, denominator = self.gradients, self.scratch, self.denominator
        self.count += 1
        np.subtract(gradients, self.mean, out=scratch)
        scratch *= np.float32(1 - self.beta1)
        self.mean += scratch
        np.multiply(gradients, gradients, out=scratch)
        scratch *= np.float32(1 - self.beta2)
        self.square *= np.float32(self.beta2)
        self.square += scratch
        np.sqrt(self.square, out=denominator)
        denominator *= np.float32(1 / math.sqrt(1 - self.beta2**self.count))
        denominator += np.float32(self.epsilon)
        if self.is_nesterov:
            momentum, next_momentum = self.momentum(self.count), self.momentum(self.count + 1)
            self.momentum_product *= momentum
            np.multiply(self.mean, np.float32(next_momentum / (1 - self.momentum_product * next_momentum)), out=scratch)
            gradients *= np.float32((1 - momentum) / (1 - self.momentum_product))
            scratch += gradients
            scratch *= np.float32(self.learning_rate)
        else:
            np.multiply(self.mean, np.float32(self.learning_rate / (1 - self.beta1**self.count)), out=scratch)
        scratch /= denominator
        self.parameters -= scratch


class CrossEntropy:
    """The batch's summed loss, and the gradient of its mean: (softmax − one-hot) / batch."""

    def __call__(self, logits, labels):
        count = len(logits)
        rows = np.arange(count)
        logits -= logits.max(axis=1, keepdims=True)
        chosen = logits[rows, labels].sum(dtype=np.float64)
        np.exp(logits, out=logits)
        sums = logits.sum(axis=1, keepdims=True)
        logits /= sums
        logits[rows, labels] -= 1
        logits *= np.float32(1 / count)
        return float(np.log(sums).sum(dtype=np.float64) - chosen), logits


class MeanSquaredError:
    """The batch's summed loss (each sample's is the mean over its elements), and the gradient of its mean."""

    def __init__(self, batch_size, size):
        self.gradient = np.empty((batch_size, size), np.float32)

    def __call__(self, outputs, targets):
        difference = np.subtract(outputs, targets, out=self.gradient[: len(outputs)])
        flat = difference.ravel()
        loss = float(flat @ flat) / outputs.shape[1]
        difference *= np.float32(2 / flat.size)
        return loss, difference


class Model:
    """The layers over flat parameters and gradients."""

    def __init__(self, network, shape, generator):
        layers = network.layers(shape)
        shapes, inputs = [], math.prod(shape)
        for layer in layers:
            if layer.kind == "dense":
                shapes += [(inputs, *layer.shape), layer.shape]
            elif layer.kind == "batchnorm":
                shapes += [layer.shape, layer.shape]
            inputs = math.prod(layer.shape)
        count = sum(math.prod(shape) for shape in shapes)
        self.parameters, self.gradients = np.zeros(count, np.float32), np.zeros(count, np.float32)
        ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
        parameters = [part.reshape(shape) for part, shape in zip(np.split(self.parameters, ends), shapes, strict=True)]
        gradients = [part.reshape(shape) for part, shape in zip(np.split(self.gradients, ends), shapes, strict=True)]
        self.layers = []
        for layer in layers:
            if layer.kind == "dense":
                weights, bias = parameters.pop(0), parameters.pop(0)
                weights[:] = work.kaiming_uniform(generator, weights.shape)
                of_both = gradients.pop(0), gradients.pop(0)
                self.layers.append(Dense(weights, bias, *of_both, network.batchSize, is_first=not self.layers))
            elif layer.kind == "batchnorm":
                scale, shift = parameters.pop(0), parameters.pop(0)
                scale[:] = 1
                self.layers.append(BatchNorm(scale, shift, gradients.pop(0), gradients.pop(0), network.batchSize))
            elif layer.kind == "dropout":
                self.layers.append(Dropout(layer.probability, generator))
            else:
                self.layers.append({"relu": ReLU, "tanh": Tanh, "sigmoid": Sigmoid}[layer.kind]())

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dy):
        for layer in reversed(self.layers):
            dy = layer.backward(dy)


def make_optimizer(network, model):
    if network.optimizer == "sgd":
        return SGD(model.parameters, model.gradients, network.learningRate)
    return Adam(model.parameters, model.gradients, network.learningRate, is_nesterov=network.optimizer == "nadam")


def main() -> None:
    networks = {name: network for name, network in work.read_networks().items() if "conv" not in network.model}
    arguments = work.parse_arguments(__doc__, ("by-hand",), list(networks))
    network = networks[arguments.network]
    images, labels = work.read_training_data(arguments)
    shape = images.shape[1:]
    images = images.reshape(len(images), -1)
    epoch_samples = work.epoch_samples(arguments, len(images))
    generator = np.random.Generator(np.random.SFC64(1))
    model = Model(network, shape, generator)
    optimizer = make_optimizer(network, model)
    is_classifier = network.target == "class"
    loss = CrossEntropy() if is_classifier else MeanSquaredError(network.batchSize, images.shape[1])
    batch = np.empty((network.batchSize, images.shape[1]), np.float32)

    def train_epoch(_: int) -> float:
        order = generator.permutation(len(images))[:epoch_samples]
        total = 0.0
        for begin in range(0, len(order), network.batchSize):
            indices = order[begin : begin + network.batchSize]
            # "clip" writes into `out` without a copy; all indices are valid.
            x = np.take(images, indices, axis=0, out=batch[: len(indices)], mode="clip")
            batch_loss, gradient = loss(model.forward(x), labels[indices] if is_classifier else x)
            total += batch_loss
            model.backward(gradient)
            optimizer.step()
        return total / epoch_samples

    work.report("numpy", np.__version__, work.processors(), arguments, epoch_samples, train_epoch)


if __name__ == "__main__":
    main()
