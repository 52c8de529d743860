"""The fewest cycles that a Program could take on its configuration, and those of dense int8."""

from dataclasses import dataclass

from golden.spec.config import Config
from golden.spec.program import LayerCounts, Program


@dataclass(frozen=True)
class CycleBound:
    """Lower bounds of cycles for one image, zero rows not skipped.

    Parameters
    ----------
    layers: path and bound of each layer, in order.
    total: their sum.
    """

    layers: tuple[tuple[str, float], ...]
    total: float


def layer_bound(counts: LayerCounts, config: Config) -> float:
    """The largest of the cycles that adding, basis products and the memory port need.

    * kept coefficients (signed digits of plain weights) × output pixels ÷ shift-adders
    * basis products ÷ basis multipliers
    * bytes moved ÷ bytes of the widest port, `lanes` a cycle
    """
    return max(
        counts.steps * counts.output_pixels / config.adders,
        counts.products / config.basis,
        counts.bytes_moved / config.lanes,
    )


def cycle_bound(program: Program) -> CycleBound:
    """`layer_bound` of every layer, and the sum."""
    layers = tuple((counts.path, layer_bound(counts, program.config)) for counts in program.layers)
    return CycleBound(layers, sum(bound for _, bound in layers))


def dense_cycles(program: Program) -> float:
    """Cycles of an ideal dense int8 array with as many MACs as there are shift-adders."""
    return sum(counts.macs for counts in program.layers) / program.config.adders
