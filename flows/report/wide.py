"""A layer of 64 channels in the five arithmetics: random weights, for cycles only."""

from dataclasses import replace

import torch
from torch import nn

from flows.studies.contestants import NAMES, ROWS, ROWS_DENSITY, matched
from golden.compiler import compile_network
from golden.compress import CompressionPlan, LayerPlan, compress, int8_plan
from golden.compress.decompose import choose_mask
from golden.compress.fold import fold, unfold
from golden.cycles.timing import count_cycles
from golden.graph.network import Network
from golden.spec.config import SMALL, Config
from golden.spec.program import Program

CHANNELS, SIDE, DENSITY, SEED = 64, 8, 0.2, 1

BITS = 24
"""Width of the partial sums: dense int8 needs them for 576 products; lanes and cycles stay those of SMALL."""

WHAT = (
    f"one 3×3 convolution, {CHANNELS} → {CHANNELS} channels, {SIDE}×{SIDE} map, random weights (seed "
    f"{SEED}), density {DENSITY:g} (rows: {ROWS_DENSITY:g}), not trained, sums of {BITS} bits"
)


def wide_networks(config: Config) -> dict[str, Network]:
    """Arithmetic → the layer; SmartDeal's folding is the one that takes fewer cycles."""
    torch.manual_seed(SEED)
    layer = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False)
    module = nn.Sequential(layer, nn.ReLU()).eval()
    images = torch.rand(4, CHANNELS, SIDE, SIDE)

    def made(kind: str) -> Network:
        return compress(module, images, CompressionPlan({}, LayerPlan(kind, density=DENSITY))).network

    folds = [made("group"), made("column")]
    best = min(folds, key=lambda network: count_cycles(compile_network(network, config)).cycles)
    found = {"smartdeal": best, "rebuild": best, "no_basis": made("scale")}
    found["int8"] = compress(module, images, int8_plan()).network
    plan = replace(ROWS, density=ROWS_DENSITY)
    kept = choose_mask(unfold(layer.weight.abs(), plan), plan, ROWS_DENSITY, len(layer.weight))
    mask = fold(kept.float(), plan, layer.weight.shape)
    with torch.no_grad():
        layer.weight *= mask
    found["rows_int8"] = compress(module, images, int8_plan()).network
    return {name: found[name] for name in NAMES}


def wide_programs(config: Config = SMALL) -> dict[str, Program]:
    """Arithmetic → the layer's program on its configuration."""
    wider = replace(config, name=f"{config.name}, sums of {BITS} bits", accumulator_bits=BITS)
    configs = matched(wider)
    return {name: compile_network(network, configs[name]) for name, network in wide_networks(wider).items()}
