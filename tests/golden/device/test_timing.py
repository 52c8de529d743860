"""The time of steps: what waits for what, and that parts and commands make up the whole."""

from itertools import pairwise

import pytest
import torch

from golden.cycles.norm import norm_cycles
from golden.device import plan_step
from golden.device.played import PlayedDevice, command_fields
from golden.device.timing import PARTS, CommandTime, step_timing
from golden.learning import State, fresh_state, settle
from golden.learning.scheme import Scheme, everything, head_only, last_blocks
from golden.learning.update import Rates
from golden.spec import latency
from golden.spec.commands import Command
from tests.golden.learning.samples import batch
from tests.sim.learning.devices import CONFIG, NETWORK, SHORTCUT

IMAGES = 4
SCHEMES = [everything(NETWORK), last_blocks(NETWORK, 1), head_only(NETWORK)]


def a_state() -> State:
    return settle(NETWORK, fresh_state(NETWORK, 3, density=0.6), *batch(IMAGES, 0, NETWORK), rounds=4)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_commands_follow_each_other(scheme: Scheme) -> None:
    """Each begins when the one before it has ended and reported, norms and gradients beside each other; each
    kind takes its time, such a norm another one, as its turns move."""
    state = a_state()
    plan = plan_step(NETWORK, state, IMAGES, CONFIG, scheme)
    timing = step_timing(plan, state, *batch(IMAGES, 1, NETWORK), Rates(1, 100))
    device = PlayedDevice(plan, state)
    device.step(*batch(IMAGES, 1, NETWORK), Rates(1, 100))
    assert [it.number for it in timing.commands] == device.issued
    beside: list[int] = []
    for before, it in pairwise(timing.commands):
        if it.start < before.end:
            assert {before.kind, it.kind} == {Command.GRADIENT, Command.NORM}
            assert it.start >= before.start + latency.COMMAND
            beside.append(it.number if it.kind == Command.NORM else before.number)
            continue
        reports = 2 * (before.kind not in (Command.FORWARD, Command.GRADIENT))
        assert it.start >= before.end + latency.COMMAND_END + reports + latency.COMMAND
    # Of all layers but the last one, if they learn.
    assert len(set(beside)) == max(0, sum(layer.learns for layer in scheme.layers) - 1)
    waits: list[int] = []
    for it in timing.commands:
        kind, fields = command_fields(plan, it.number)
        assert kind == it.kind
        if kind == Command.NORM:
            values = fields["channels"], fields["words"], bool(fields["backward"]), bool(fields["add"])
            waited = it.end - it.start - norm_cycles(CONFIG, *values)
            waits += [waited] if it.number in beside else []
            assert it.number in beside or not waited
        elif kind == Command.UPDATE:
            assert it.end - it.start == plan.engines.update_cycles(fields["pair"], fields["pairs"])
    assert any(waits) == bool(beside)
    # The controller never does more than its program takes, and never waits longer than commands run.
    busy = latency.CONTROLLER_BEGIN + device.cycles
    assert busy <= timing.cycles <= busy + sum(it.end - it.start + 6 for it in timing.commands)
    assert set(timing.parts) == set(PARTS)
    assert sum(timing.parts.values()) == timing.cycles


def test_rows_of_zeros_save_cycles() -> None:
    """Images of zeros give maps of few values."""
    state = a_state()
    plan = plan_step(NETWORK, state, IMAGES, CONFIG)
    pixels, labels = torch.zeros((IMAGES, 1, 4, 4), dtype=torch.int8), torch.zeros(IMAGES, dtype=torch.int64)
    skipping, all_rows = (
        step_timing(plan, state, pixels, labels, Rates(None, 0), skip=skip).parts for skip in (True, False)
    )
    assert skipping["forward"] < all_rows["forward"]
    assert skipping["gradient"] < all_rows["gradient"]


def test_norms_of_a_sum_run_beside_one_gradient_pass() -> None:
    """The shortcut's norm needs no error pass but that of the layer above: it follows the norm of its block's
    first layer beside the same gradients; the parts still make up the whole."""
    state = settle(SHORTCUT, fresh_state(SHORTCUT, 3, density=0.6), *batch(IMAGES, 0, SHORTCUT), rounds=4)
    plan = plan_step(SHORTCUT, state, IMAGES, CONFIG)
    timing = step_timing(plan, state, *batch(IMAGES, 1, SHORTCUT), Rates(1, 100))
    commands = plan.commands
    found: dict[int | None, CommandTime] = {it.number: it for it in timing.commands}
    gradients = found[commands.gradient[3]]
    first, shortcut = found[commands.norm_error[2]], found[commands.norm_error[1]]
    assert gradients.start < first.start < gradients.end
    assert first.end < shortcut.start < found[commands.error[2][0]].start
    assert found[commands.error[2][-1]].end < found[commands.error[1][0]].start
    stem = found[commands.norm_error[0]]
    assert found[commands.gradient[2]].start < stem.start < found[commands.gradient[1]].start
    assert sum(timing.parts.values()) == timing.cycles
    assert min(timing.parts.values()) > 0
