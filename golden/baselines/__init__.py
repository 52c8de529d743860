"""The rivals of the core: their streams in golden."""

from functools import partial

from golden.baselines import rebuilt, weights
from golden.baselines.cycles import WeightEngine
from golden.baselines.decode import WeightStream
from golden.datapath.entries import Entries
from golden.datapath.protocol import Datapath, Int64, register
from golden.graph.network import Layer
from golden.graph.operations.weights import Factored, Plain
from golden.spec.baselines import INT8, REBUILD, ROWS_INT8
from golden.spec.config import Config


def _dense(layer: Layer, _: Entries, rounds: int, units: int, rows: int, config: Config) -> list[list[Int64]]:
    return weights.layer_blocks(layer, False, rounds, units, rows, config)


def _sparse(
    layer: Layer, _: Entries, rounds: int, units: int, rows: int, config: Config
) -> list[list[Int64]]:
    return weights.layer_blocks(layer, True, rounds, units, rows, config)


def _all(layer: Layer, _: int) -> int:
    weights = layer.convolution.weights
    assert isinstance(weights, Plain)
    return weights.weights.size


def _kept(layer: Layer, _: int) -> int:
    weights = layer.convolution.weights
    assert isinstance(weights, Factored)
    return int(weights.mask.sum())


def _steps(_: Layer, steps: int) -> int:
    return steps


DATAPATHS = (
    Datapath(
        INT8,
        partial(weights.layer_entries, arithmetic=INT8.name, whole_rows=False),
        _dense,
        _all,
        WeightStream,
        WeightEngine,
    ),
    Datapath(
        ROWS_INT8,
        partial(weights.layer_entries, arithmetic=ROWS_INT8.name, whole_rows=True),
        _sparse,
        _steps,
        WeightStream,
        WeightEngine,
    ),
    Datapath(REBUILD, rebuilt.layer_entries, rebuilt.layer_blocks, _kept, WeightStream, WeightEngine),
)


def register_all() -> None:
    """Makes them known to compiler, machine and cycle model."""
    for datapath in DATAPATHS:
        register(datapath)
