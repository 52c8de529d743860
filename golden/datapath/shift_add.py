"""The core's own arithmetic: power-of-two coefficients, shifted and added."""

from golden.datapath.cycles import PairEngine
from golden.datapath.decode import PairStream
from golden.datapath.encode import layer_blocks
from golden.datapath.entries import layer_entries
from golden.datapath.protocol import Datapath
from golden.graph.network import Layer
from golden.graph.operations.convolution import Convolution
from golden.graph.operations.weights import Factored
from golden.spec import arithmetics


def _kept(layer: Layer, _: int) -> int:
    """Kept coefficients; all weights of a plain layer."""
    if not isinstance(layer.product, Convolution):
        return 0
    weights = layer.product.weights
    return int(weights.mask.sum()) if isinstance(weights, Factored) else weights.weights.size


SHIFT_ADD = Datapath(arithmetics.SHIFT_ADD, layer_entries, layer_blocks, _kept, PairStream, PairEngine)
