"""A layer of a Program in numbers."""

import numpy as np

from golden.compiler.plan import LayerPlan
from golden.compiler.taps import Tap
from golden.datapath.entries import block_steps
from golden.datapath.protocol import datapath
from golden.graph.operations.convolution import Convolution
from golden.spec import formats
from golden.spec.config import Config
from golden.spec.memories import Memory, filter_record, memory_shape
from golden.spec.program import LayerCounts
from golden.spec.tensor import Tensor


def layer_counts(
    plan: LayerPlan, tensors: dict[str, Tensor], taps: list[Tap], words: int, config: Config
) -> LayerCounts:
    """The counts of a layer whose blocks take `words` words in all coefficient memories together.

    The bits of weights count everything that is stored for them: coefficients with their rows and
    slots, fillers, END, padding, basis terms, biases and shifts.
    """
    layer, entries = plan.layer, plan.entries
    pixels = plan.map.shape[1] * plan.map.shape[2]
    weights = 0
    if isinstance(layer.product, Convolution):
        height, width = layer.product.kernel
        weights = layer.product.filters * layer.product.group_channels * height * width
    jobs, channels = plan.jobs, tensors[layer.input].shape[0]
    steps = int(block_steps(entries, jobs.unit_count, jobs.rounds * config.engines).sum())
    steps //= plan.map.phases[0] * plan.map.phases[1]
    bits = words * memory_shape(config, Memory.COEFFICIENT).bits
    bits += entries.terms.size * formats.ACTIVATION_BITS + entries.filters * filter_record().bits
    moved = channels * _pixels_read(taps, config.lanes) + _bytes(tensors[layer.output])
    moved += sum(_bytes(tensors[name]) for name in layer.reads)
    return LayerCounts(
        path=layer.path,
        fold=entries.name,
        output=layer.output,
        macs=weights * pixels,
        weights=weights,
        kept=datapath(config).kept(layer, steps),
        steps=steps,
        output_pixels=pixels,
        products=plan.phase.terms.size * pixels,
        rows_fetched=plan.jobs.rounds * plan.jobs.tiles * plan.rows,
        bytes_moved=moved + -(-bits // 8),
        weight_bits=bits,
    )


def _pixels_read(taps: list[Tap], lanes: int) -> int:
    """Pixels of a channel that some tile reads: a strided 1×1 kernel passes over most of them."""
    mask = np.array([mask for mask, _ in taps], np.uint64)[:, None] >> np.arange(lanes, dtype=np.uint64) & 1
    pixel = np.array([pixel for _, pixel in taps])[:, None] + np.arange(lanes)
    return len(np.unique(pixel[mask == 1]))


def _bytes(tensor: Tensor) -> int:
    channels, height, width = tensor.shape
    return channels * height * width
