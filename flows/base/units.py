"""Hardware units by name, for the flows that take one: Verilog, synthesis."""

from collections.abc import Callable
from dataclasses import replace

from amaranth.lib.wiring import Component

from golden.spec.block import Spikes, light
from golden.spec.config import SMALL_LEARNING, Config
from golden.spec.errors import LightDealError
from golden.spec.floats import BF16, FP32
from hw.baselines.batchnorm.batch_norm import BatchNorm
from hw.core.accelerator import Accelerator
from hw.core.host_port import HostPort
from hw.core.loader import Loader
from hw.core.sequencer import Sequencer
from hw.engine.accumulators import Accumulators
from hw.engine.engine import Engine
from hw.engine.stream import CoefficientStream
from hw.fetch.fetch import Fetch
from hw.fetch.window import RowWindow
from hw.learning.accelerator import LearningAccelerator
from hw.learning.engine import LearningEngine
from hw.learning.map_writer import MapWriter
from hw.learning.norm_passes import NormPasses
from hw.learning.update import UpdateUnit
from hw.lightnorm.unit import LightNorm
from hw.tops.normed import NormedAccelerator
from hw.writeback.basis import BasisStage
from hw.writeback.drain import Drain
from hw.writeback.output import OutputPipeline
from hw.writeback.pool import Pool

NORM_FORMAT, NORM_SPIKES = replace(light(), spike=0), Spikes.APART
"""What the LightNorm units compute: the choice of `flows.studies.lightnorm.settings`."""

NORM_LANES, NORM_INDEX_BITS = 8, 16
"""Sizes of the norms that are compared, whatever the configuration; values of a channel: up to 2**16."""

UNITS: dict[str, Callable[[Config], Component]] = {
    "accelerator": Accelerator,
    "accumulators": Accumulators,
    "basis": BasisStage,
    "batchnorm-bf16": lambda _: BatchNorm(BF16, NORM_LANES),
    "batchnorm-fp32": lambda _: BatchNorm(FP32, NORM_LANES),
    "host": HostPort,
    "drain": Drain,
    "engine": lambda config: Engine(config, 0),
    "fetch": Fetch,
    "lightnorm": lambda _: LightNorm(NORM_FORMAT, NORM_LANES, NORM_SPIKES, NORM_INDEX_BITS),
    "loader": Loader,
    "output-stage": OutputPipeline,
    "pool": Pool,
    "sequencer": Sequencer,
    "stream": lambda config: CoefficientStream(config, 0),
    "normed": lambda config: NormedAccelerator(config, NORM_FORMAT, NORM_SPIKES, NORM_INDEX_BITS),
    "window": RowWindow,
}
"""Name, also of the emitted module → what makes the unit of a configuration."""


LEARNING_UNITS: dict[str, Callable[[Config], Component]] = {
    "learning-accelerator": LearningAccelerator,
    "learning-engine": lambda config: LearningEngine(config, 0),
    "map-writer": MapWriter,
    "norm-passes": NormPasses,
    "update": UpdateUnit,
}
"""The same, of a configuration that learns."""


def make_unit(name: str, config: Config) -> Component:
    """A fresh unit. Raises LightDealError for an unknown name, or one that learns where nothing does."""
    if name in LEARNING_UNITS:
        if not config.learning:
            raise LightDealError(
                f"unit {name!r} learns, configuration {config.name!r} does not; "
                f"legal: one with learning = true, such as {SMALL_LEARNING.name!r}"
            )
        return LEARNING_UNITS[name](config)
    if name not in UNITS:
        raise LightDealError(f"unit {name!r} is unknown; legal: {', '.join([*UNITS, *LEARNING_UNITS])}")
    return UNITS[name](config)
