"""The operations of a network, one file each, and the list of them.

Importer, compression, checks, compiler and `./run layers` know an operation from this list alone: a new one
is one new file and one line here.
"""

from functools import cache
from typing import Any

from golden.graph.operations.add import ADD
from golden.graph.operations.average_pool import AVERAGE_POOL
from golden.graph.operations.batch_norm import BATCH_NORM
from golden.graph.operations.concatenation import CONCATENATION
from golden.graph.operations.convolution import CONVOLUTION
from golden.graph.operations.flatten import FLATTEN
from golden.graph.operations.gate import GATE
from golden.graph.operations.global_mean import GLOBAL_MEAN
from golden.graph.operations.integers import Stage
from golden.graph.operations.linear import LINEAR
from golden.graph.operations.lookup import LOOKUPS
from golden.graph.operations.max_pool import MAX_POOL
from golden.graph.operations.nothing import NOTHING
from golden.graph.operations.operation import Operation
from golden.graph.operations.relu import RELU
from golden.graph.operations.relu6 import RELU6
from golden.graph.operations.upsampling import UPSAMPLING

OPERATIONS = (
    CONVOLUTION,
    LINEAR,
    MAX_POOL,
    AVERAGE_POOL,
    UPSAMPLING,
    GATE,
    BATCH_NORM,
    ADD,
    RELU,
    RELU6,
    *LOOKUPS,
    GLOBAL_MEAN,
    CONCATENATION,
    FLATTEN,
    NOTHING,
)


@cache
def _meanings() -> dict[Any, Operation]:
    # One that has others for what it is otherwise stands behind them.
    return {what: it for it in OPERATIONS for what in (*it.torch(), *it.inner())}


def meaning(what: Any) -> Operation | None:
    """The operation that a module class, a function or the name of a method means, if any."""
    return _meanings().get(what)


def supported() -> str:
    """All of them, as errors list them."""
    *most, last = (operation.called for operation in OPERATIONS)
    return f"{', '.join(most)}, {last}"


def layer_parts() -> str:
    """What a layer may be made of, as errors say it."""
    *most, last = (operation.name for operation in OPERATIONS if operation.product)
    products = f"{', '.join(most)} or {last}"
    stages = [[it.name for it in OPERATIONS if it.stage == stage] for stage in Stage]
    names = ", ".join(" or ".join(names) for names in stages if names)
    return f"{products}, then {names}, each optional and in this order"
