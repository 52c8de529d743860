"""A layer of a Program in numbers."""

from golden.compiler.plan import LayerPlan
from golden.network import Plain
from golden.spec import formats
from golden.spec.config import Config
from golden.spec.memories import coefficient_record, filter_record
from golden.spec.program import LayerCounts, Tensor


def layer_counts(plan: LayerPlan, tensors: dict[str, Tensor], pairs: int, config: Config) -> LayerCounts:
    """The counts of a layer whose blocks take `pairs` pairs in all coefficient memories together.

    The bits of weights count everything that is stored for them: coefficients with their rows and
    slots, fillers, END, padding, basis terms, biases and shifts.
    """
    layer, entries = plan.layer, plan.entries
    pixels = plan.map.shape[1] * plan.map.shape[2]
    weights = layer.filters * plan.channels * layer.kernel[0] * layer.kernel[1]
    steps = len(entries.unit)
    bits = 2 * pairs * coefficient_record(config).bits
    bits += entries.terms.size * formats.ACTIVATION_BITS + layer.filters * filter_record().bits
    moved = [layer.input, layer.output] + ([layer.residual.tensor] if layer.residual else [])
    return LayerCounts(
        path=layer.path,
        fold=entries.name,
        output=layer.output,
        macs=weights * pixels,
        weights=weights,
        kept=weights if isinstance(layer.weights, Plain) else steps,
        steps=steps,
        output_pixels=pixels,
        products=entries.terms.size * pixels,
        rows_fetched=plan.jobs.rounds * plan.jobs.tiles * plan.rows,
        bytes_moved=sum(_bytes(tensors[name]) for name in moved) + -(-bits // 8),
        weight_bits=bits,
    )


def _bytes(tensor: Tensor) -> int:
    channels, height, width = tensor.shape
    return channels * height * width
