"""How each layer is compressed: plain values that a user may write or change."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from golden.compiler.folding import own_columns
from golden.graph.floats import FloatGraph, FloatLayer
from golden.graph.operations.convolution import FloatConvolution
from golden.spec import formats
from golden.spec.errors import UnsupportedError

KINDS = ("group", "column", "scale", "plain")
PATTERNS = ("elements", "rows")
SHARED = (1, 2, 4, 8)


@dataclass(frozen=True)
class LayerPlan:
    """One layer.

    Parameters
    ----------
    kind: "group" (output-group folding, `group` filters share a basis), "column" (kernel-column
        folding, kernels 3 wide whose columns have stride 1 and padding 1), "scale" (power-of-two
        coefficients and a scale per filter, no basis), "plain" (int8 weights).
    group: filters that share a basis, 2…4; only read where kind is "group".
    density: fraction of the coefficients that is kept, above 0, up to 1; not read for "plain".
    pattern: "elements", or "rows" of the coefficient matrix (a row is one input channel at one
        kernel position, for "column" one input channel at one kernel row).
    shared: filters that share a mask of rows: 1, 2, 4 or 8; only read for "rows".

    Raises UnsupportedError naming field, value and legal set.
    """

    kind: str = "group"
    group: int = formats.BASIS
    density: float = 0.2
    pattern: str = "elements"
    shared: int = 1

    def __post_init__(self) -> None:
        for name, legal in (
            ("kind", KINDS),
            ("pattern", PATTERNS),
            ("shared", SHARED),
            ("group", formats.GROUPS[1:]),
        ):
            if getattr(self, name) not in legal:
                raise UnsupportedError(f"layer plan: {name} = {getattr(self, name)!r}; legal: {legal}")
        if not 0 < self.density <= 1:
            raise UnsupportedError(f"layer plan: density = {self.density!r}; legal: above 0, up to 1")

    @property
    def size(self) -> int:
        """S: coefficients of a row, and rows of the basis."""
        return {"group": self.group, "column": formats.BASIS}.get(self.kind, 1)

    def demand(self, layer: FloatLayer) -> None:
        """Raises UnsupportedError if a layer cannot be folded so; the text names it."""
        if not isinstance(layer.product, FloatConvolution):
            return
        window, together = layer.product.window, len(layer.product.weight) // layer.product.groups
        if self.kind == "group" and layer.product.groups > 1 and together % self.group:
            raise UnsupportedError(
                f"{layer.path}: kind 'group' of {self.group} where {together} filters see the same channels; "
                "supported: kind 'scale', 'column' or 'plain', or a number that divides"
            )
        if self.kind == "column" and not own_columns(window):
            raise UnsupportedError(
                f"{layer.path}: kind 'column' for kernel {window.kernel}, stride {window.stride}, padding "
                f"{window.padding}, dilation {window.dilation}; supported: kernel width 3, and for columns "
                "stride 1, padding 1, dilation 1"
            )


@dataclass(frozen=True)
class CompressionPlan:
    """A plan for each layer path, and one for all others."""

    layers: Mapping[str, LayerPlan] = field(default_factory=dict)
    default: LayerPlan = LayerPlan()

    def of(self, path: str) -> LayerPlan:
        """The plan of a layer."""
        return self.layers.get(path, self.default)

    def demand(self, graph: FloatGraph) -> None:
        """Raises UnsupportedError for a path that the network does not have, or a wrong fold."""
        paths = [layer.path for layer in graph.layers]
        for path in self.layers:
            if path not in paths:
                raise UnsupportedError(f"compression plan: no layer {path!r}; the network has {paths}")
        for layer in graph.layers:
            self.of(layer.path).demand(layer)
