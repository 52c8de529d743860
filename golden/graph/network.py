"""A network in integers: what the compressor makes, what the compiler and the reference read.

Everything is int8 activations, exact sums and one rounding shift per filter; see
`golden.spec.formats` for the number rules and `docs/machine.md` for the arithmetic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from golden.graph.joined import Joined
from golden.graph.operations.convolution import Convolution
from golden.graph.operations.gate import Gate
from golden.graph.operations.integers import Int8, Int64, IntegerOperation
from golden.graph.operations.max_pool import MaxPool
from golden.graph.operations.operation import find
from golden.graph.operations.requantise import Requantise
from golden.graph.operations.uneven_pool import UnevenPool
from golden.spec.errors import UnsupportedError

_Operation = TypeVar("_Operation", bound=IntegerOperation)


Product = Convolution | MaxPool | UnevenPool | Gate
"""What a layer begins with."""


@dataclass(frozen=True)
class Feature:
    """An int8 activation tensor.

    Parameters
    ----------
    shape: (channels, height, width).
    scale: real value of one step.
    """

    name: str
    shape: tuple[int, int, int]
    scale: float


@dataclass(frozen=True)
class Layer:
    """A product, and what is done with its sums in one go.

    Parameters
    ----------
    path: dotted path of the module in the user's network.
    input, output: names of features.
    product: sums of the input.
    epilogue: operations on the sums, in the order of `golden.graph.operations.integers.Stage`.
    """

    path: str
    input: str
    output: str
    product: Product
    epilogue: tuple[IntegerOperation, ...]

    def find(self, kind: type[_Operation]) -> _Operation | None:
        """The operation of that kind in the epilogue, if there is one."""
        return find(self.epilogue, kind)

    @property
    def convolution(self) -> Convolution:
        """The product. Raises UnsupportedError naming the layer if it is another one."""
        if not isinstance(self.product, Convolution):
            raise refuse(self, f"found {type(self.product).__name__}", "a convolution")
        return self.product

    @property
    def requantise(self) -> Requantise:
        """The requantisation, which every layer has."""
        found = self.find(Requantise)
        assert found is not None
        return found

    @property
    def gates(self) -> tuple[str, ...]:
        """Names of the features that the product reads beside the input: its factors, if it has any."""
        return (self.product.gate,) if isinstance(self.product, Gate) else ()

    def sums(self, features: Mapping[str, Int8]) -> Int64:
        """What the product gives, of all features by name, (N, C, H, W)."""
        taken = features[self.input]
        if isinstance(self.product, Gate):
            return self.product.run(taken, features[self.product.gate])
        return self.product.run(taken)

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the features that the epilogue reads."""
        return tuple(name for operation in self.epilogue for name in operation.reads)

    @property
    def per_pixel(self) -> bool:
        """Whether the output is the map itself, pixel by pixel."""
        return all(operation.per_pixel for operation in self.epilogue)


@dataclass(frozen=True)
class Network:
    """Layers in the order of execution. `features` holds every tensor; layer outputs are unique.

    Parameters
    ----------
    outputs: names of features, at least one, each once.
    joined: features that are layers' outputs side by side: concatenations along the channels.
    floats: the float networks that this one is measured against (`golden.compress.floats`), for
        `golden.fidelity`; empty for a network that `compress` did not make.
    """

    features: dict[str, Feature]
    layers: tuple[Layer, ...]
    input: str
    outputs: tuple[str, ...]
    joined: Joined = field(default_factory=dict)
    floats: bytes = field(default=b"", repr=False)

    @property
    def output(self) -> str:
        """The first output: the one that labels are read from."""
        return self.outputs[0]


def refuse(layer: Layer, found: str, supported: str) -> UnsupportedError:
    """The error for a layer: its path, what was found and what is supported."""
    return UnsupportedError(f"layer {layer.path}: {found}; supported: {supported}")
