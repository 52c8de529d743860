"""What compression and the compiler would refuse, found out before hours of training."""

import copy

import torch

from golden.compiler import compile_network
from golden.compiler.checks import check_network
from golden.compiler.degrees import phase_degrees
from golden.compress.calibrate import calibrate
from golden.compress.integer import to_network
from golden.compress.quantized import QuantizedNet
from golden.spec.config import Config
from golden.spec.findings import Findings

SAMPLES = 16
"""Images that grids are chosen on: their size does not matter here."""


def demand_fit(net: QuantizedNet, images: torch.Tensor, config: Config | None) -> None:
    """Raises UnsupportedError or CapacityError, with all reasons at once, where the compiler would
    refuse the network as it would be without training.

    Parameters
    ----------
    net: not trained yet; it stays as it is.
    config: the accelerator; None for what no configuration can run.

    Training moves coefficients within the same numbers of them, so what may still be refused afterwards
    is a network that fits by a hair: sums near `accumulator_bits`, or streams that fill their memory.
    """
    trial = copy.deepcopy(net)
    for stage in trial.stages:
        stage.prune(stage.plan.density)
    calibrate(trial, images[:SAMPLES])
    network = to_network(trial)
    if config is not None:
        compile_network(network, config)
        return
    findings = Findings()
    check_network(network, findings)
    with findings.collect():
        phase_degrees(network)
    findings.demand()
