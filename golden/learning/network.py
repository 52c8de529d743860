"""What a network that learns is made of: its layers and the sizes of its maps. No state."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from functools import cached_property

from golden.spec.formats import EXPONENTS
from golden.spec.learning import (
    CODE_UNIT,
    COUNTER_BITS,
    GRADIENT_BITS,
    HEAD_UNIT,
    HEAD_UNITS,
    INT8_LARGEST,
    LARGEST_CLASSES,
    SMALL_ARRAY,
    ArrayShape,
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
    layers: at least one; each reads maps of earlier ones, and every map but the last is read. One layer at
        most adds a map, and none after it reads the map; a map that is only added has no ReLU.
    classes: logits, 2…256.
    counter_bits: of a code's counter, 3…8.
    share: running statistics move by 2^−share towards a batch's.
    head_unit: an int8 weight of the head is worth 2^this.
    array: the order of random bits depends on it.

    The *degree* of a map is the product of the strides from it to the last map: all ways must agree, and it
    divides height and width.

    Raises LearningError naming layer, field, value and what is legal.
    """

    image: tuple[int, int, int]
    layers: tuple[Layer, ...]
    classes: int = 10
    counter_bits: int = 4
    share: int = 4
    head_unit: int = HEAD_UNIT
    array: ArrayShape = SMALL_ARRAY

    def __post_init__(self) -> None:
        _demand(bool(self.layers), "network without layers; legal: at least one")
        for name, low, high in (
            ("classes", 2, LARGEST_CLASSES),
            ("counter_bits", *COUNTER_BITS),
            ("share", 0, 16),
            ("head_unit", *HEAD_UNITS),
        ):
            value = getattr(self, name)
            _demand(low <= value <= high, f"network field {name!r} = {value}; legal: {low}…{high}")
        _demand(min(self.image) >= 1, f"network field 'image' = {self.image}; legal: sizes of at least 1")
        for index, layer in enumerate(self.layers):
            self._check(index, layer)
        for index, layer in enumerate(self.layers[:-1], 1):
            self._check_readers(index, layer)
        for index, degree in enumerate(self.degrees):
            what = f"layer {self.layers[index - 1].name}: its map" if index else "image"
            _, height, width = self.shape(index)
            _demand(
                height % degree == 0 and width % degree == 0,
                f"{what} of {height}×{width} before strides of {degree} in all; "
                f"legal: sizes that {degree} divides",
            )

    def _check_readers(self, index: int, layer: Layer) -> None:
        readers, adder = self.readers(index), self.adder(index)
        adders = sum(other.add == index for other in self.layers)
        _demand(
            bool(readers or adders),
            f"layer {layer.name}: nothing reads its output; legal: a later layer does",
        )
        _demand(
            adders <= 1,
            f"layer {layer.name}: {adders} layers add its output; legal: one at most, others read it",
        )
        if adder is not None:
            late = [self.layers[k].name for k in readers if k > adder]
            _demand(
                not late,
                f"layer {layer.name}: layer {', '.join(late)} reads its output after layer "
                f"{self.layers[adder].name} added it; legal: it is added by the last of its readers",
            )
            _demand(
                bool(readers) or not layer.relu,
                f"layer {layer.name}: has a ReLU, but its output is only added; legal: relu=False",
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

    def readers(self, index: int) -> tuple[int, ...]:
        """The layers whose convolutions read map `index`, first to last."""
        return tuple(k for k, layer in enumerate(self.layers) if layer.source == index)

    def adder(self, index: int) -> int | None:
        """The layer that adds map `index`, or None."""
        return next((k for k, layer in enumerate(self.layers) if layer.add == index), None)

    @cached_property
    def degrees(self) -> tuple[int, ...]:
        """Phase degree of each map, the image's first."""
        found: dict[int, tuple[int, str]] = {len(self.layers): (1, "the head")}
        for index in reversed(range(len(self.layers))):
            layer = self.layers[index]
            degree, _ = found[index + 1]
            for source, here in ((layer.source, degree * layer.stride), (layer.add, degree)):
                if source is None:
                    continue
                known, reader = found.setdefault(source, (here, layer.name))
                name = self.layers[source - 1].name if source else "image"
                _demand(
                    known == here,
                    f"layer {name}: strides behind it come to {known} by layer {reader}, to {here} by layer "
                    f"{layer.name}; legal: the same by all ways to the last map",
                )
        return tuple(degree for _, (degree, _) in sorted(found.items()))

    @property
    def features(self) -> int:
        """Inputs of the fully connected layer."""
        return self.layers[-1].filters

    @property
    def pool_shift(self) -> int:
        """The mean is the sum of a channel divided by 2^this, the power of two at or above its pixels."""
        _, height, width = self.shape(len(self.layers))
        return (height * width - 1).bit_length()

    def check_batch(self, images: int, least: int = 2) -> None:
        """Raises LearningError where a batch has fewer than `least` images (statistics of a batch need two),
        leaves lanes without a value, or is too large for 32-bit sums.
        """
        _, height, width = self.shape(len(self.layers))
        # The planes of all maps are as large as those of the last.
        parts = self.array.lanes // math.gcd(self.array.lanes, height * width)
        _demand(
            images >= least and images % parts == 0,
            f"batch of {images}: {'statistics of a batch need 2 images, and ' if least > 1 else ''}{images} "
            f"last maps of {height}×{width} fill words of {self.array.lanes} lanes; legal: "
            + (f"{least} or more" if parts == 1 else f"multiples of {parts}"),
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
