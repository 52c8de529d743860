"""What a network that learns is made of: its layers and the sizes of its maps. No state."""

import hashlib
import json
from dataclasses import asdict, dataclass

from golden.spec.formats import EXPONENTS
from golden.spec.learning import (
    CODE_UNIT,
    COUNTER_BITS,
    GRADIENT_BITS,
    INT8_LARGEST,
    LARGEST_CLASSES,
    LearningError,
)


@dataclass(frozen=True)
class Layer:
    """Convolution with codes, LightNorm, addend (optional), ReLU (optional), int8.

    Parameters
    ----------
    name: for errors.
    source: the map that it reads: 0 is the image, i + 1 the output of layer i.
    filters, kernel, stride: of the convolution; odd kernels, padding ⌊kernel/2⌋.
    relu: whether negative values become zero.
    add: the map that is added before the ReLU, or None.
    unit: a code 2^p is the weight 2^(p + unit).
    """

    name: str
    source: int
    filters: int
    kernel: int = 3
    stride: int = 1
    relu: bool = True
    add: int | None = None
    unit: int = CODE_UNIT


@dataclass(frozen=True)
class Network:
    """Layers in order of execution; behind the last one the mean of each channel and a fully connected layer.

    Parameters
    ----------
    image: channels, height, width.
    layers: at least one; each reads maps of earlier ones, and every map but the last is read.
    classes: logits, 2…256.
    counter_bits: of a code's counter, 3…8.
    round_filters: filters of a round of the array (engines × slots): the order of random bits.
    share: running statistics move by 2^−share towards a batch's.

    Raises LearningError naming layer, field, value and what is legal.
    """

    image: tuple[int, int, int]
    layers: tuple[Layer, ...]
    classes: int = 10
    counter_bits: int = 4
    round_filters: int = 32
    share: int = 4

    def __post_init__(self) -> None:
        _demand(bool(self.layers), "network without layers; legal: at least one")
        for name, low, high in (
            ("classes", 2, LARGEST_CLASSES),
            ("counter_bits", *COUNTER_BITS),
            ("round_filters", 1, 4096),
            ("share", 0, 16),
        ):
            value = getattr(self, name)
            _demand(low <= value <= high, f"network field {name!r} = {value}; legal: {low}…{high}")
        _demand(min(self.image) >= 1, f"network field 'image' = {self.image}; legal: sizes of at least 1")
        for index, layer in enumerate(self.layers):
            self._check(index, layer)
        read = {layer.source for layer in self.layers} | {layer.add for layer in self.layers}
        for index, layer in enumerate(self.layers[:-1]):
            _demand(
                index + 1 in read, f"layer {layer.name}: nothing reads its output; legal: a later layer does"
            )

    def _check(self, index: int, layer: Layer) -> None:
        def demand(field: str, holds: bool, legal: str) -> None:
            value = getattr(layer, field)
            _demand(holds, f"layer {layer.name}: field {field!r} = {value}; legal: {legal}")

        demand("source", 0 <= layer.source <= index, f"0…{index}, an earlier map")
        demand("filters", layer.filters >= 1, "at least 1")
        demand("kernel", layer.kernel in (1, 3, 5, 7), "1, 3, 5, 7")
        demand("stride", layer.stride in (1, 2, 3, 4), "1…4")
        demand("unit", -24 <= layer.unit <= 0, "-24…0")
        if layer.add is not None:
            demand("add", 1 <= layer.add <= index, f"1…{index}, the output of an earlier layer")
            mine, other = self.shape(index + 1), self.shape(layer.add)
            demand("add", mine == other, f"a map of shape {mine}; this one has {other}")
        # A sum of all terms at their largest, on the way forward.
        channels = self.shape(layer.source)[0]
        terms = channels * layer.kernel**2
        _check_sum(terms * (1 << EXPONENTS - 1) * INT8_LARGEST, f"layer {layer.name}: {terms} terms of a sum")
        back = layer.filters * layer.kernel**2
        _check_sum(
            back * (1 << EXPONENTS - 1) * INT8_LARGEST, f"layer {layer.name}: {back} terms of an error"
        )

    def shape(self, index: int) -> tuple[int, int, int]:
        """Channels, height, width of map `index`: 0 is the image."""
        if index == 0:
            return self.image
        layer = self.layers[index - 1]
        _, height, width = self.shape(layer.source)
        return layer.filters, -(-height // layer.stride), -(-width // layer.stride)

    def weight_shape(self, index: int) -> tuple[int, int, int, int]:
        """Filters, channels, kernel, kernel of layer `index`."""
        layer = self.layers[index]
        return layer.filters, self.shape(layer.source)[0], layer.kernel, layer.kernel

    @property
    def features(self) -> int:
        """Inputs of the fully connected layer."""
        return self.layers[-1].filters

    @property
    def pool_shift(self) -> int:
        """The mean is the sum of a channel divided by 2^this, the power of two at or above its pixels."""
        _, height, width = self.shape(len(self.layers))
        return (height * width - 1).bit_length()

    def check_batch(self, images: int) -> None:
        """Raises LearningError where a batch is too small for its statistics or too large for 32-bit sums."""
        if images < 2:
            raise LearningError(
                f"batch of {images}: statistics of a batch need at least 2 images; legal: 2 or more"
            )
        for index, layer in enumerate(self.layers):
            _, height, width = self.shape(index + 1)
            terms = images * height * width
            _check_sum(
                terms * (INT8_LARGEST + 1) * INT8_LARGEST, f"layer {layer.name}: {terms} terms of a gradient"
            )

    @property
    def digest(self) -> str:
        """What a checkpoint names its network by."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


def _demand(holds: bool, text: str) -> None:
    if not holds:
        raise LearningError(text)


def _check_sum(largest: int, what: str) -> None:
    limit = 1 << (GRADIENT_BITS - 1)
    _demand(
        largest < limit, f"{what} may reach {largest}; legal: below {limit}, what {GRADIENT_BITS} bits hold"
    )


def residual_network(
    image: tuple[int, int, int],
    stem: tuple[int, int],
    blocks: tuple[tuple[int, int], ...],
    classes: int = 10,
    counter_bits: int = 4,
    share: int = 4,
) -> Network:
    """A stem of 3×3 and residual blocks of two 3×3 convolutions, shaped as `golden.workloads.networks`.

    Parameters
    ----------
    stem, blocks: (filters, stride) of each; a block that changes its shape has a 1×1 shortcut.
    """
    layers = [Layer("conv", 0, stem[0], stride=stem[1])]
    channels = stem[0]
    for number, (filters, stride) in enumerate(blocks, 1):
        source = len(layers)
        addend = source
        if stride != 1 or filters != channels:
            layers.append(Layer(f"block{number}.shortcut", source, filters, 1, stride, relu=False))
            addend = len(layers)
        layers.append(Layer(f"block{number}.conv1", source, filters, stride=stride))
        layers.append(Layer(f"block{number}.conv2", len(layers), filters, add=addend))
        channels = filters
    return Network(image, tuple(layers), classes, counter_bits, share=share)
