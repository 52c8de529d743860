"""The rivals of the core: their datapaths."""

from golden.spec.baselines import INT8, REBUILD, ROWS_INT8
from hw.baselines.products import RebuiltAddends, WeightAddends
from hw.baselines.rebuilt import RebuildStream
from hw.baselines.weights import WeightStream
from hw.engine.datapath import Datapath, register

DATAPATHS = (
    Datapath(INT8, WeightStream, WeightAddends),
    Datapath(ROWS_INT8, WeightStream, WeightAddends),
    Datapath(REBUILD, RebuildStream, RebuiltAddends),
)


def register_all() -> None:
    """Makes them known to engines."""
    for datapath in DATAPATHS:
        register(datapath)
