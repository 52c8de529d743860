"""What was learnt as a network that the compiler reads: docs/learning.md, section 18."""

import numpy as np
import torch

from golden.compress.shifts import filter_shift, least_grid
from golden.graph.network import Feature, Layer, Network
from golden.graph.operations.add import Add
from golden.graph.operations.convolution import Convolution
from golden.graph.operations.global_mean import GlobalMean
from golden.graph.operations.integers import IntegerOperation
from golden.graph.operations.relu import Relu
from golden.graph.operations.requantise import Requantise
from golden.graph.operations.weights import Factored, Plain
from golden.graph.operations.window import Window
from golden.learning import network as learning
from golden.learning.forward import head_integers
from golden.learning.infer import affine
from golden.learning.state import State
from golden.spec import formats
from golden.spec.learning import IMAGE_EXPONENT, PARAMETER_FRACTION, LearningError
from golden.spec.memories import Fold

INPUT, HEAD = "input", "head"


def finish(network: learning.Network, state: State, images: torch.Tensor) -> Network:
    """The network with its running statistics folded, in the integers of the accelerator.

    Parameters
    ----------
    images: int8 pixels (N, C, H, W), some of those it will see: the grids of sums and logits hold them.

    It differs from `golden.learning.infer` where the accelerator rounds twice (before an addition) and in
    logits, which are int8. Raises LearningError for layers of one name, or scales too far apart.
    """
    names = [INPUT, *(layer.name for layer in network.layers), HEAD]
    if len(set(names)) < len(names):
        raise LearningError(f"network: names {names}; legal: different ones, none of them {INPUT} or {HEAD}")
    made = _Finish(network, state, images, names)
    layers = [made.layer(index) for index in range(len(network.layers))]
    layers.append(made.head())
    return Network(made.features, tuple(layers), INPUT, (HEAD,))


class _Finish:
    def __init__(
        self, network: learning.Network, state: State, images: torch.Tensor, names: list[str]
    ) -> None:
        self._network, self._state, self._names = network, state, names
        self._exponents = [IMAGE_EXPONENT, *(it.activation for it in state.layers)]
        self._values = {INPUT: images.numpy()}
        self.features = {INPUT: Feature(INPUT, network.image, 2.0**IMAGE_EXPONENT)}

    def layer(self, index: int) -> Layer:
        """Layer `index`, its feature with it."""
        layer, it = self._network.layers[index], self._state.layers[index]
        scale, offset = affine(it, self._exponents[layer.source] + layer.unit)
        codes, mask = it.codes.numpy().astype(np.int64)[..., None], it.mask.numpy()[..., None]
        unit = np.ones((layer.filters, 1, 1), np.int64)
        product = self._product(
            layer.filters, layer.kernel, layer.stride, Factored(Fold.GROUP, codes, mask, unit)
        )
        x = self._values[self._names[layer.source]]
        real = product.run(x) * scale[:, None, None] + offset[:, None, None]
        grid = self._grid(index, real, least_grid(torch.from_numpy(np.abs(scale)), torch.from_numpy(offset)))
        steps = [torch.from_numpy(values * 2.0**-grid) for values in (np.abs(scale), offset)]
        shift = filter_shift(*steps).numpy()
        terms = np.rint(scale * 2.0 ** (shift - grid)).astype(np.int64)
        bias = np.rint(offset * 2.0 ** (shift - grid)).astype(np.int64)
        weights = Factored(Fold.GROUP, codes, mask, terms[:, None, None])
        product = self._product(layer.filters, layer.kernel, layer.stride, weights)
        epilogue: list[IntegerOperation] = [Requantise(bias, shift.astype(np.int64))]
        epilogue += self._addition(index, grid)
        epilogue += [Relu()] if layer.relu else []
        last = index == len(self._network.layers) - 1
        epilogue += [self._mean()] if last else []
        exponent = self._state.head.activation if last else it.activation
        return self._done(index + 1, layer.source, product, epilogue, exponent)

    def _product(self, filters: int, kernel: int, stride: int, weights: Factored | Plain) -> Convolution:
        pad = kernel // 2
        return Convolution(filters, Window((kernel, kernel), (stride, stride), (pad, pad, pad, pad)), weights)

    def _grid(self, index: int, real: np.ndarray, least: int) -> int:
        """The exponent of the requantised sum: that of the map, or, before an addition, one that holds it."""
        layer, output = self._network.layers[index], self._state.layers[index].activation
        wanted, where = output, f"layer {layer.name}"
        if layer.add is not None:
            other = self._exponents[layer.add]
            held = int(np.ceil(np.log2(max(float(np.abs(real).max()), 2.0**-60) / 127)))
            # One of both is not coarser than the sum, and they are at most MAX_ALIGN apart.
            highest = other + formats.MAX_ALIGN if other <= output else output
            wanted = min(max(held, other - formats.MAX_ALIGN), highest)
        if wanted < least or (layer.add is not None and abs(wanted - other) > formats.MAX_ALIGN):
            raise LearningError(
                f"{where}: its scales are too far apart for the accelerator; legal: gammas nearer"
            )
        return wanted

    def _addition(self, index: int, grid: int) -> list[IntegerOperation]:
        layer, output = self._network.layers[index], self._state.layers[index].activation
        if layer.add is None:
            return []
        other = self._exponents[layer.add]
        finest = min(grid, other)
        return [Add(self._names[layer.add], grid - finest, other - finest, output - finest)]

    def _mean(self) -> GlobalMean:
        shift = self._state.head.activation - self._exponents[-1] + self._network.pool_shift
        if not 0 <= shift <= formats.MAX_SUM_SHIFT:
            raise LearningError(f"head: a mean shifted by {shift}; legal: 0…{formats.MAX_SUM_SHIFT}")
        return GlobalMean(shift)

    def head(self) -> Layer:
        """The fully connected layer: int8 weights, logits in eight bits that hold those of the images."""
        network, it = self._network, self._state.head
        integers = head_integers(it).numpy().astype(np.int64)[:, :, None, None]
        ones = np.ones(network.classes, np.int64)
        product = self._product(network.classes, 1, 1, Plain(integers, ones))
        unit = network.head_unit + it.activation
        bias = np.rint(it.bias.numpy() * 2.0 ** (-PARAMETER_FRACTION - unit)).astype(np.int64)
        sums = product.run(self._values[self._names[-2]]) + bias[:, None, None]
        shift = max(0, int(np.ceil(np.log2(max(int(np.abs(sums).max()), 1) / 127))))
        requantise = Requantise(bias, np.full(network.classes, shift, np.int64))
        return self._done(len(self._names) - 1, len(self._names) - 2, product, [requantise], unit + shift)

    def _done(
        self, place: int, source: int, product: Convolution, epilogue: list[IntegerOperation], exponent: int
    ) -> Layer:
        """The layer whose output has the name at `place`; its feature on the images is kept."""
        name, source_name = self._names[place], self._names[source]
        values = product.run(self._values[source_name])
        for operation in epilogue:
            values = operation.run(values, self._values)
        self._values[name] = values.astype(np.int8)
        self.features[name] = Feature(name, tuple(values.shape[1:]), 2.0**exponent)
        return Layer(name, source_name, name, product, tuple(epilogue))
