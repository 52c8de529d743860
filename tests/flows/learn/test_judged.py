"""The three accuracies of what a device has learnt, where they are known."""

from dataclasses import replace
from pathlib import Path

import torch

from flows.learn.judged import judged
from flows.learn.tasks import task
from golden.learning import Plan, State, everything
from golden.progress import silent

FEW = 64


def always(state: State, label: int) -> State:
    """A state whose head says one label whatever it sees."""
    bias = torch.zeros_like(state.head.bias)
    bias[label] = 32767
    weights = torch.zeros_like(state.head.weights)
    return replace(state, head=replace(state.head, bias=bias, weights=weights))


def test_each_says_its_own_label(tmp_path: Path) -> None:
    """The start, what was learnt, and floats with no step behind them: shares of three labels."""
    found = task("scratch.digits", tmp_path, 1, 256, silent)
    head = found.masked.layers[-1]
    bias = torch.zeros(10)
    bias[7] = 1e6
    last = replace(head, product=replace(head.convolution, bias=bias))
    masked = replace(found.masked, layers=(*found.masked.layers[:-1], last))
    test, held = found.test.part(0, FEW), found.held.part(0, FEW)
    chosen = replace(found, state=always(found.state, 3), masked=masked, test=test, held=held)
    it = judged(chosen, always(found.state, 5), everything(found.network), Plan(1), 0)
    shares = [float((test.labels == label).float().mean()) for label in range(10)]
    assert len({shares[3], shares[5], shares[7]}) == 3, "labels that are alike prove little"
    assert (it.start, it.device, it.program) == (shares[3], shares[5], shares[5])
    assert abs(it.floats - shares[7]) < 1e-6
