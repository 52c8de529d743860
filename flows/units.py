"""Hardware units by name, for the flows that take one: Verilog, synthesis."""

from collections.abc import Callable

from amaranth.hdl import Elaboratable

from golden.spec.config import Config
from golden.spec.errors import LightDealError
from hw.accelerator import Accelerator
from hw.accumulators import Accumulators
from hw.basis import BasisStage
from hw.control import Control
from hw.drain import Drain
from hw.engine import Engine
from hw.fetch import Fetch
from hw.loader import Loader
from hw.output import OutputPipeline
from hw.pool import Pool
from hw.stream import CoefficientStream
from hw.window import RowWindow

UNITS: dict[str, Callable[[Config], Elaboratable]] = {
    "accelerator": Accelerator,
    "accumulators": Accumulators,
    "basis": BasisStage,
    "control": Control,
    "drain": Drain,
    "engine": lambda config: Engine(config, 0),
    "fetch": Fetch,
    "loader": Loader,
    "output-stage": OutputPipeline,
    "pool": Pool,
    "stream": lambda config: CoefficientStream(config, 0),
    "window": RowWindow,
}
"""Name, also of the emitted module → what makes the unit of a configuration."""


def make_unit(name: str, config: Config) -> Elaboratable:
    """A fresh unit. Raises LightDealError for an unknown name."""
    if name not in UNITS:
        raise LightDealError(f"unit {name!r} is unknown; legal: {', '.join(UNITS)}")
    return UNITS[name](config)
