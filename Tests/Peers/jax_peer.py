"""JAX's side of the comparison.

As an expert would write it: data on the device; `scan` trains a whole epoch in one jitted `lax.scan`, `step` calls one
jitted step for each batch; parameters and optimizer state are donated; the optimizer is written out, which XLA fuses.
The order comes from NumPy, whose shuffle is faster than JAX's sort. work.py says what is measured and what is not.
"""

from __future__ import annotations

import math
import os

# Read when JAX starts. XLA keeps to 256 bits otherwise.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_prefer_vector_width=512")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

import work  # noqa: E402


def initial_parameters(layers: list[work.Layer], shape: tuple[int, ...], generator: np.random.Generator) -> list:
    """For each layer its parameters, and its running statistics."""
    parameters, statistics = [], []
    for layer in layers:
        own, running = {}, {}
        if layer.kind == "dense":
            own["weights"] = work.kaiming_uniform(generator, (math.prod(shape), *layer.shape))
            own["bias"] = np.zeros(layer.shape, np.float32)
        elif layer.kind == "conv":
            extents = (layer.kernel, layer.kernel, shape[-1], layer.shape[-1])
            own["weights"] = work.kaiming_uniform(generator, extents)
            own["bias"] = np.zeros(layer.shape[-1], np.float32)
        elif layer.kind == "batchnorm":
            own["scale"], own["shift"] = np.ones(layer.shape, np.float32), np.zeros(layer.shape, np.float32)
            running["mean"], running["variance"] = np.zeros(layer.shape, np.float32), np.ones(layer.shape, np.float32)
        parameters.append(own)
        statistics.append(running)
        shape = layer.shape
    return jax.tree.map(jnp.asarray, (parameters, statistics))


def convolve(x, weights, variant):
    """x: [batch, height, width, inputs], weights: [kernel, kernel, inputs, outputs].

    In the loop of a scan, XLA's convolution falls back to code that is twenty times slower than a product with the
    windows. In a step by itself its convolution is the faster one, with channels first.
    """
    kernel, _, inputs, outputs = weights.shape
    batch, height, width = len(x), x.shape[1] - kernel + 1, x.shape[2] - kernel + 1
    if variant == "scan":
        taps = [x[:, i : i + height, j : j + width] for i in range(kernel) for j in range(kernel)]
        windows = jnp.concatenate(taps, -1).reshape(-1, kernel * kernel * inputs)
        return (windows @ weights.reshape(-1, outputs)).reshape(batch, height, width, outputs)
    x, weights = x.transpose(0, 3, 1, 2), weights.transpose(3, 2, 0, 1)
    y = jax.lax.conv_general_dilated(x, weights, (1, 1), "VALID", dimension_numbers=("NCHW", "OIHW", "NCHW"))
    return y.transpose(0, 2, 3, 1)


def max_pool(x):
    """By reshaping: the backward pass of `reduce_window` is a slow scatter."""
    batch, height, width, channels = x.shape
    x = x[:, : height // 2 * 2, : width // 2 * 2]
    return x.reshape(batch, height // 2, 2, width // 2, 2, channels).max((2, 4))


def forward(layers, parameters, statistics, x, key, variant):
    new_statistics = []
    for index, (layer, own, running) in enumerate(zip(layers, parameters, statistics, strict=True)):
        match layer.kind:
            case "dense":
                x = x.reshape(len(x), -1) @ own["weights"] + own["bias"]
            case "conv":
                x = convolve(x, own["weights"], variant) + own["bias"]
            case "maxpool":
                x = max_pool(x)
            case "relu":
                x = jax.nn.relu(x)
            case "tanh":
                x = jnp.tanh(x)
            case "sigmoid":
                x = jax.nn.sigmoid(x)
            case "dropout":
                keep = 1 - layer.probability
                bits = jax.random.bits(jax.random.fold_in(key, index), x.shape, jnp.uint16)
                x = jnp.where(bits < round(keep * 65536), x / keep, 0)
            case "batchnorm":
                mean, variance = x.mean(0), x.var(0)
                x = (x - mean) * (jax.lax.rsqrt(variance + 1e-5) * own["scale"]) + own["shift"]
                unbiased = variance * (len(x) / (len(x) - 1))
                running = {
                    "mean": 0.9 * running["mean"] + 0.1 * mean,
                    "variance": 0.9 * running["variance"] + 0.1 * unbiased,
                }
        new_statistics.append(running)
    return x, new_statistics


def mean_loss(network, outputs, targets):
    if network.loss == "mse":
        return jnp.square(outputs - targets).mean()
    # A product with the one-hot label: the gradient of picking one logit is a scatter.
    one_hot = jax.nn.one_hot(targets, outputs.shape[-1])
    return -(one_hot * jax.nn.log_softmax(outputs)).sum(-1).mean()


def update(network, parameters, gradients, moments, count, momentum_product):
    """SGD, Adam and NAdam with PyTorch's definitions and defaults."""
    rate, beta1, beta2, epsilon, decay = network.learningRate, 0.9, 0.999, 1e-8, 0.004
    if network.optimizer == "sgd":
        return jax.tree.map(lambda p, g: p - rate * g, parameters, gradients), moments, momentum_product
    step = count.astype(jnp.float32)
    means = jax.tree.map(lambda m, g: m + (1 - beta1) * (g - m), moments[0], gradients)
    squares = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, moments[1], gradients)
    root = 1 / jnp.sqrt(1 - beta2**step)
    if network.optimizer == "nadam":
        momentum = beta1 * (1 - 0.5 * 0.96 ** (step * decay))
        next_momentum = beta1 * (1 - 0.5 * 0.96 ** ((step + 1) * decay))
        momentum_product *= momentum
        of_gradient = rate * (1 - momentum) / (1 - momentum_product)
        of_mean = rate * next_momentum / (1 - momentum_product * next_momentum)
    else:
        of_gradient, of_mean = 0.0, rate / (1 - beta1**step)
    parameters = jax.tree.map(
        lambda p, g, m, v: p - (of_gradient * g + of_mean * m) / (jnp.sqrt(v) * root + epsilon),
        parameters,
        gradients,
        means,
        squares,
    )
    return parameters, (means, squares), momentum_product


def main() -> None:
    networks = work.read_networks()
    arguments = work.parse_arguments(__doc__, ("scan", "step"), list(networks))
    network = networks[arguments.network]
    host_images, host_labels = work.read_training_data(arguments)
    count, batch_size, shape = len(host_images), network.batchSize, host_images.shape[1:]
    epoch_samples = work.epoch_samples(arguments, count)
    layers = network.layers(shape)
    is_image = layers[0].kind == "conv"
    images = jnp.asarray(host_images if is_image else host_images.reshape(count, -1))
    labels = jnp.asarray(host_labels)
    generator = np.random.default_rng(1)
    parameters, statistics = initial_parameters(layers, shape, generator)
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    moments = (zeros, jax.tree.map(jnp.zeros_like, parameters)) if network.optimizer != "sgd" else ()
    # rbg is the cheapest generator that JAX has; only dropout uses it.
    key = jax.random.key(1, impl="rbg")
    state = (parameters, statistics, moments, jnp.int32(0), jnp.float32(1), jnp.float32(0))

    def train_step(state, indices, images, labels):
        parameters, statistics, moments, step, momentum_product, loss_sum = state
        x = images.at[indices].get(mode="promise_in_bounds")
        targets = labels[indices] if network.target == "class" else x

        def objective(parameters):
            step_key = jax.random.fold_in(key, step)
            outputs, new_statistics = forward(layers, parameters, statistics, x, step_key, arguments.variant)
            return mean_loss(network, outputs, targets), new_statistics

        (loss, statistics), gradients = jax.value_and_grad(objective, has_aux=True)(parameters)
        step += 1
        parameters, moments, momentum_product = update(network, parameters, gradients, moments, step, momentum_product)
        return parameters, statistics, moments, step, momentum_product, loss_sum + loss * len(indices)

    whole = epoch_samples // batch_size * batch_size

    @jax.jit(donate_argnums=0)
    def scan_epoch(state, order, images, labels):
        def body(state, indices):
            return train_step(state, indices, images, labels), None

        state, _ = jax.lax.scan(body, state, order[:whole].reshape(-1, batch_size))
        return train_step(state, order[whole:], images, labels) if whole < epoch_samples else state

    jitted_step = jax.jit(train_step, donate_argnums=0)

    def train_epoch(_: int) -> float:
        nonlocal state
        state = (*state[:-1], jnp.float32(0))
        order = generator.permutation(count)[:epoch_samples].astype(np.int32)
        if arguments.variant == "scan":
            state = scan_epoch(state, order, images, labels)
        else:
            for begin in range(0, epoch_samples, batch_size):
                state = jitted_step(state, order[begin : begin + batch_size], images, labels)
        return float(state[-1]) / epoch_samples

    work.report("jax", jax.__version__, work.processors(), arguments, epoch_samples, train_epoch)


if __name__ == "__main__":
    main()
