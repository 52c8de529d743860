"""The controls in FP32: the same networks, batch norm, SGD with momentum."""

import math
from collections.abc import Iterable

import torch
from torch import nn
from torch.nn.functional import batch_norm, cross_entropy

from golden.graph.floats import FloatGraph, FloatLayer
from golden.graph.operations.add import FloatAdd
from golden.graph.operations.batch_norm import Norm
from golden.graph.operations.convolution import FloatConvolution
from golden.graph.operations.floats import FloatOperation
from golden.graph.operations.global_mean import FloatMean
from golden.graph.operations.relu import FloatRelu
from golden.graph.operations.window import Window
from golden.learning import Network, Plan, Scheme
from golden.learning.scheme import Head
from golden.workloads import Dataset

RATES = (0.02, 0.05, 0.1)
"""First learning rates that are tried."""
MOMENTUM = 0.9


class FloatNet(nn.Module):
    """A float graph that learns.

    Parameters
    ----------
    masked: weights that are zero stay so.
    """

    def __init__(self, graph: FloatGraph, masked: bool) -> None:
        super().__init__()
        self.graph = graph
        self.weights = nn.ParameterList([layer.convolution.weight.clone() for layer in graph.layers])
        # The device's head is dense.
        self.masks = [layer.convolution.weight != 0 if masked else None for layer in graph.layers[:-1]]
        self.bias = nn.Parameter(graph.layers[-1].convolution.bias.clone())
        norms = [layer.find(Norm) for layer in graph.layers[:-1]]
        found = [norm for norm in norms if norm is not None]
        self.gammas = nn.ParameterList([norm.gamma.clone() for norm in found])
        self.betas = nn.ParameterList([norm.beta.clone() for norm in found])
        # A bias before the norm only moves its running mean.
        self.means = [
            norm.mean - layer.convolution.bias for norm, layer in zip(found, graph.layers, strict=False)
        ]
        self.variances = [norm.variance.clone() for norm in found]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (N, C, H, W) → logits (N, classes)."""
        values = {self.graph.input: images}
        for place, layer in enumerate(self.graph.layers):
            x, weight, last = values[layer.input], self.weights[place], place == len(self.masks)
            mask = None if last else self.masks[place]
            weight = weight if mask is None else weight * mask
            y = layer.convolution.window.convolve(x, weight, self.bias if last else None)
            values[layer.output] = y if last else self._finish(place, layer, y, values)
        return values[self.graph.output].flatten(1)

    def _finish(
        self, place: int, layer: FloatLayer, y: torch.Tensor, values: dict[str, torch.Tensor]
    ) -> torch.Tensor:
        for operation in layer.epilogue:
            if isinstance(operation, Norm):
                mean, variance = self.means[place], self.variances[place]
                gamma, beta = self.gammas[place], self.betas[place]
                y = batch_norm(y, mean, variance, gamma, beta, self.training, 0.1, operation.epsilon)
            else:
                y = operation.run(y, values)
        return y

    def learning(self, scheme: Scheme) -> Iterable[nn.Parameter]:
        """What a scheme lets learn."""
        for place, it in enumerate(scheme.layers):
            if it.channels:
                yield self.weights[place]
            if it.norm:
                yield self.gammas[place]
                yield self.betas[place]
        if scheme.head == Head.ALL:
            yield self.weights[len(scheme.layers)]
        if scheme.head != Head.FROZEN:
            yield self.bias


def fresh_graph(network: Network) -> FloatGraph:
    """A network that learns as a float graph, its weights drawn as PyTorch does (torch's generator)."""
    layers = []
    names = ["image", *(layer.name for layer in network.layers)]
    for index, layer in enumerate(network.layers):
        filters, channels, kernel, _ = network.weight_shape(index)
        bound = (channels * kernel**2) ** -0.5
        weight = torch.empty(filters, channels, kernel, kernel).uniform_(-bound, bound)
        zeros, ones = torch.zeros(filters), torch.ones(filters)
        epilogue: list[FloatOperation] = [Norm(ones, zeros.clone(), zeros.clone(), ones.clone(), 1e-5)]
        epilogue += [] if layer.add is None else [FloatAdd(names[layer.add])]
        epilogue += [FloatRelu()] if layer.relu else []
        epilogue += [FloatMean()] if index == len(network.layers) - 1 else []
        window = Window((kernel, kernel), (layer.stride,) * 2, (kernel // 2,) * 4)
        product = FloatConvolution(weight, zeros.clone(), window)
        layers.append(FloatLayer(layer.name, names[layer.source], layer.name, product, tuple(epilogue)))
    bound = network.features**-0.5
    weight = torch.empty(network.classes, network.features, 1, 1).uniform_(-bound, bound)
    product = FloatConvolution(weight, torch.zeros(network.classes), Window((1, 1)))
    layers.append(FloatLayer("head", layers[-1].output, "head", product))
    return FloatGraph(tuple(layers), {}, {}, "image", ("head",))


def train_float(
    net: FloatNet, data: Dataset, plan: Plan, rate: float, scheme: Scheme, steps: int | None = None
) -> FloatNet:
    """SGD for the plan's epochs and batches; the rate falls along a cosine. In place; back in eval mode.

    steps: so many of its batches, from the first on; None: all.
    """
    learning = list(net.learning(scheme))
    optimizer = torch.optim.SGD(learning, rate, MOMENTUM)
    total = plan.epochs * plan.steps(len(data)) if steps is None else steps
    net.train()
    for number in range(total):
        for group in optimizer.param_groups:
            group["lr"] = rate * (1 + math.cos(math.pi * number / total)) / 2
        chosen = plan.batch_at(number, len(data))
        loss = cross_entropy(net(data.images[chosen]), data.labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net.eval()


def measured(net: FloatNet, data: Dataset) -> tuple[float, float]:
    """(accuracy, cross-entropy in nats)."""
    with torch.no_grad():
        logits = torch.cat([net(part) for part in data.images.split(500)])
    right = float((logits.argmax(1) == data.labels).float().mean())
    return right, float(cross_entropy(logits, data.labels))
