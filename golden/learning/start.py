"""A network that was trained in floats as one that learns: docs/learning.md, section 13."""

from dataclasses import replace

import numpy as np
import torch

from golden.compress.floats import FloatFileError, unpack_floats
from golden.graph.floats import FloatGraph, FloatLayer, float_features
from golden.graph.network import Network as CompressedNetwork
from golden.graph.operations.add import FloatAdd
from golden.graph.operations.batch_norm import Norm
from golden.graph.operations.global_mean import FloatMean
from golden.graph.operations.relu import FloatRelu
from golden.learning import exact, norm
from golden.learning.forward import activated
from golden.learning.network import Layer, Network
from golden.learning.planes import by_channel, by_image
from golden.learning.rounding import fraction, scaled
from golden.learning.scheme import Statistics
from golden.learning.state import (
    HEAD_LARGEST,
    HeadState,
    LayerState,
    State,
    fresh_head,
    fresh_layer,
    nearest_codes,
    seeded_generators,
)
from golden.lightnorm import scalars
from golden.spec.learning import (
    ACTIVATION_EXPONENTS,
    HEAD_FRACTION,
    PARAMETER_BITS,
    PARAMETER_FRACTION,
    SMALL_ARRAY,
    ArrayShape,
    LearningError,
)

RMS = 16
"""Of the kept codes of a filter at the start: two exponents below the top, so that they can grow."""


def start(
    network: CompressedNetwork,
    images: torch.Tensor,
    batch: int = 32,
    seed: int = 0,
    counter_bits: int = 4,
    share: int = 4,
    array: ArrayShape = SMALL_ARRAY,
) -> tuple[Network, State]:
    """The network that learns, and its state, from a compressed one.

    Parameters
    ----------
    network: what `golden.compress.compress` made, or its file.
    images: int8 pixels (M, C, H, W), a few batches of those it will learn, no labels.
    batch: images of a step; the running spread is that of such batches.
    seed: of the generators.

    Codes are the nearest to the weights of its real network, each filter scaled to an rms of `RMS` (the norm
    behind makes the scale irrelevant); kept are the weights that are not zero: a basis is multiplied out.
    gamma and beta give the norm's result the mean and the deviation that it had on `images`.

    Raises LearningError naming the layer where the network has no float networks beside its integers, or
    something that cannot learn.
    """
    if not network.floats:
        raise LearningError("network: has no float networks beside its integers; legal: one made by compress")
    try:
        graph = unpack_floats(network.floats)[1]
    except FloatFileError as error:
        raise LearningError(f"network: {error}") from error
    return from_floats(graph, images, batch, seed, counter_bits, share, array)


def from_floats(
    graph: FloatGraph,
    images: torch.Tensor,
    batch: int = 32,
    seed: int = 0,
    counter_bits: int = 4,
    share: int = 4,
    array: ArrayShape = SMALL_ARRAY,
) -> tuple[Network, State]:
    """As `start`, from a float graph; its zeros are the mask."""
    head = graph.layers[-1].convolution.weight.flatten(1)
    layers = _layers(graph)
    unit = max(-7, int(np.ceil(np.log2(max(float(head.abs().max()), 2.0**-20)))) - 7)
    learner = Network(
        graph.shapes[graph.input],
        layers,
        len(head),
        counter_bits,
        share=share,
        head_unit=unit,
        array=array,
    )
    parts = [part for part in images.split(batch) if len(part) == batch]
    if not parts:
        raise LearningError(f"{len(images)} images; legal: at least one batch of {batch}")
    with torch.no_grad():
        used = torch.cat(parts).to(torch.float32)
        found = _Start(learner, graph, used, batch)
        states = [found.layer(index) for index in range(len(layers))]
        head_state = found.head(head, graph.layers[-1].convolution.bias)
    return learner, State(tuple(states), head_state, seeded_generators(seed), 0)


def _layers(graph: FloatGraph) -> tuple[Layer, ...]:
    """The layers in front of the head. Raises LearningError for what cannot learn."""
    place = {graph.input: 0}
    layers = []
    if graph.joined or graph.outputs != (graph.layers[-1].output,):
        what, names = ("concatenation", graph.joined) if graph.joined else ("outputs", graph.outputs)
        raise LearningError(
            f"network: {what} {', '.join(map(repr, names))}; legal: layers and additions, the last layer's "
            "output alone"
        )
    *body, head = graph.layers
    if not body or not body[-1].find(FloatMean) or head.input != body[-1].output or head.epilogue:
        raise LearningError(
            f"layer {head.path}: is no fully connected layer behind the mean of the last map; "
            "legal: convolutions, global average pooling, one linear layer"
        )
    for index, layer in enumerate(body):
        _check(layer, last=index == len(body) - 1)
        product, add = layer.convolution, layer.find(FloatAdd)
        layers.append(
            Layer(
                layer.path,
                place[layer.input],
                product.weight.shape[0],
                product.weight.shape[2],
                product.window.stride[0],
                relu=layer.find(FloatRelu) is not None,
                add=None if add is None else place[add.tensor],
            )
        )
        place[layer.output] = index + 1
    return tuple(layers)


def _check(layer: FloatLayer, last: bool) -> None:
    window = layer.convolution.window
    kernel, half = window.kernel, window.kernel[0] // 2
    for holds, found, legal in (
        (layer.find(Norm) is not None, "has no batch norm", "a BatchNorm2d behind each convolution"),
        (last or layer.find(FloatMean) is None, "its mean is taken", "the mean of the last map alone"),
        (kernel[0] == kernel[1], f"kernel {kernel}", "square kernels"),
        (
            window.padding == (half,) * 4,
            f"padding {window.padding} of kernel {kernel}",
            f"padding {half}",
        ),
        (
            window.stride[0] == window.stride[1] and window.dilation == (1, 1),
            f"stride {window.stride}, dilation {window.dilation}",
            "one stride for rows and columns, no dilation",
        ),
        (
            layer.convolution.groups == 1,
            f"{layer.convolution.groups} groups",
            "one group",
        ),
    ):
        if not holds:
            raise LearningError(f"layer {layer.path}: {found}; legal: {legal}")


class _Start:
    """Layer by layer the state whose function is the float graph's, and the maps that it gives."""

    def __init__(self, network: Network, graph: FloatGraph, images: torch.Tensor, batch: int) -> None:
        self._network, self._graph, self._batch = network, graph, batch
        self._reals = float_features(graph, scaled(images, -7))
        self._maps = [images]
        self._exponents = [-7]

    def layer(self, index: int) -> LayerState:
        """The state of layer `index`."""
        layer, source = self._network.layers[index], self._graph.layers[index]
        weight = source.convolution.weight
        mask = weight != 0
        if not bool(mask.any()):
            raise LearningError(f"layer {layer.name}: all its weights are zero; legal: some are not")
        kept = mask.flatten(1).sum(1).clamp_min(1)
        rms = (weight.square().flatten(1).sum(1) / kept).sqrt().clamp_min(1e-30)
        codes = (
            nearest_codes((weight.double() / rms.double()[:, None, None, None] * RMS).numpy()) * mask.numpy()
        )
        it = replace(
            fresh_layer(layer.filters, torch.from_numpy(codes.astype(np.int8)), mask), activation=-16
        )
        x = self._maps[layer.source]
        sums = exact.forward(x, it.codes, layer.stride, f"layer {layer.name}")
        sums = scaled(sums.to(torch.float64), self._exponents[layer.source] + layer.unit)
        it = self._matched(it, source, sums)
        return self._ranged(it, index, sums)

    def _matched(self, it: LayerState, source: FloatLayer, sums: torch.Tensor) -> LayerState:
        """gamma, beta and running statistics: the norm's result has the float norm's mean and deviation."""
        batch_norm = source.find(Norm)
        assert batch_norm is not None
        wanted = batch_norm.run(source.sums(self._reals), {}).double()
        deviation = sums.std((0, 2, 3)).clamp_min(1e-12)
        sign = torch.sign(batch_norm.gamma.double())
        spreads, means = [], []
        for part in sums.split(self._batch):
            found = norm.forward(by_channel(part, 1), it, Statistics.BATCH).found
            spreads.append(found.spread.floats())
            means.append(found.mean.floats())
        spread = np.mean(spreads, 0)
        gamma = (sign * wanted.std((0, 2, 3)) / deviation).numpy() * spread
        return replace(
            it,
            gamma=_parameters(gamma),
            beta=_parameters(wanted.mean((0, 2, 3)).numpy()),
            mean=scalars.from_floats(np.mean(means, 0)),
            spread=scalars.from_floats(spread),
        )

    def _ranged(self, it: LayerState, index: int, sums: torch.Tensor) -> LayerState:
        """The exponent of the map, and the map itself: batch by batch, as steps will see it."""
        layer, degree = self._network.layers[index], self._network.degrees[index + 1]
        normed = [
            by_image(norm.forward(by_channel(part, degree), it, Statistics.BATCH).y, part.shape, degree)
            for part in sums.split(self._batch)
        ]
        y = torch.cat(normed)
        addend = None if layer.add is None else self._maps[layer.add]
        for exponent in range(ACTIVATION_EXPONENTS[0], ACTIVATION_EXPONENTS[1] + 1):
            total = fraction(y, -exponent)
            if addend is not None and layer.add is not None:
                total = total + fraction(addend, self._exponents[layer.add] - exponent)
            made = activated(total, layer, exponent)
            if made.exponent <= exponent:
                break
        self._maps.append(made.values)
        self._exponents.append(exponent)
        return replace(it, activation=exponent)

    def head(self, weight: torch.Tensor, bias: torch.Tensor) -> HeadState:
        """The head, its weights for the sum over a power of two."""
        network, last = self._network, self._maps[-1]
        pixels = last[0, 0].numel()
        real = weight.double().numpy() * 2.0**network.pool_shift / pixels
        unit = 2.0 ** (network.head_unit - HEAD_FRACTION)
        integers = np.clip(np.rint(real / unit), -HEAD_LARGEST, HEAD_LARGEST).astype(np.int16)
        sums = last.sum((2, 3), dtype=torch.float64)
        features = scaled(sums, self._exponents[-1] - network.pool_shift)
        largest = float(features.abs().max())
        low, high = ACTIVATION_EXPONENTS
        activation = int(np.clip(np.ceil(np.log2(max(largest, 2.0**-30) / 127)), low, high))
        return replace(
            fresh_head(torch.from_numpy(integers)),
            bias=_parameters(bias.double().numpy()),
            activation=activation,
        )


def _parameters(values: np.ndarray) -> torch.Tensor:
    largest = (1 << PARAMETER_BITS - 1) - 1
    whole = np.clip(np.rint(np.ldexp(values, PARAMETER_FRACTION)), -largest, largest)
    return torch.from_numpy(whole.astype(np.int16))
