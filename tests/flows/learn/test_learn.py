"""The verbs of training on the device: a small training, cut and gone on; the report of kept rows."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from flows.base.metrics import Metric, write_metrics
from flows.base.provenance import write_provenance
from flows.learn import run
from flows.learn.commands import TASKS, LearnDevice, LearnMeasure, LearnReport, LearnScratch
from flows.learn.controls import Masters, truncation
from flows.learn.floats import FloatNet, fresh_graph, measured, train_float
from flows.learn.measure import measure
from flows.learn.report import report
from flows.learn.rows import Row, blank_row, columns, keep_row, kept_row, run_row
from flows.learn.run import bytes_of, learn
from flows.learn.steps import WORKLOADS
from flows.learn.tasks import Task, task
from golden.learning import (
    Network,
    Plan,
    Rates,
    Report,
    State,
    everything,
    head_only,
    last_blocks,
    load_state,
    save_state,
    step,
)
from golden.progress import silent
from golden.spec.config import TINY
from golden.spec.errors import LightDealError
from golden.workloads import Dataset, load_digits
from tests.golden.learning.samples import NETWORK, batch, same, settled

SMALL = partial(LearnScratch, images=128, epochs=4)
"""Sixteen steps."""


class CutError(Exception):
    """A kill."""


def test_a_training_that_was_cut_goes_on_to_the_same_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "EVERY", 3)
    whole = learn(SMALL(out=tmp_path / "whole"))
    folder = tmp_path / "cut" / "scratch.digits"
    saves: list[object] = []

    def saved(*args: Any) -> None:
        save_state(*args)
        saves.append(args)
        if len(saves) == 2:
            raise CutError

    monkeypatch.setattr(run, "save_state", saved)
    with pytest.raises(CutError):
        learn(SMALL(out=tmp_path / "cut"))
    assert not (folder / "metrics.json").exists()
    monkeypatch.setattr(run, "save_state", save_state)
    monkeypatch.setattr(run, "say", saves.append)
    again = learn(SMALL(out=tmp_path / "cut"))
    assert saves[-1] == "goes on after step 6"
    assert again == whole.replace(str(tmp_path / "whole"), str(tmp_path / "cut"))
    files = ("metrics.json", "course.svg", "memory.svg", "learnt.net")
    for name in files:
        assert (folder / name).read_bytes() == (tmp_path / "whole" / "scratch.digits" / name).read_bytes()
    with (
        np.load(folder / "learnt.npz") as a,
        np.load(tmp_path / "whole" / "scratch.digits" / "learnt.npz") as b,
    ):
        assert all(np.array_equal(a[name], b[name]) for name in a.files)


def test_a_course_that_is_shorter_than_its_checkpoint_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "EVERY", 2)
    options = LearnScratch(images=64, epochs=1, out=tmp_path)
    learn(options)
    (beside,) = (tmp_path / "scratch.digits").glob("cut-*.json")
    course = json.loads(beside.read_text())
    beside.write_text(json.dumps({**course, "losses": course["losses"][:1]}))
    with pytest.raises(LightDealError, match=r"1 steps, its checkpoint has 2; begin with --fresh"):
        learn(options)


@pytest.mark.long
def test_memory_chooses_what_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "TRIAL", 1)
    said = learn(LearnScratch(images=32, epochs=1, memory="400K", out=tmp_path))
    assert said.startswith("chosen for 409,600 bytes:\n  head: ")
    planned = {
        it["name"]: it["value"] for it in json.loads((tmp_path / "scratch.digits/metrics.json").read_text())
    }
    assert planned["learn.scratch.digits.peak_bytes"] <= 409_600
    # The choice is kept, and said again.
    assert learn(LearnScratch(images=32, epochs=1, memory="400K", out=tmp_path)) == said
    with pytest.raises(
        LightDealError, match=r"memory of 1024 bytes: the head alone takes \d+; legal: at least"
    ):
        learn(LearnScratch(images=32, epochs=1, memory="1K", out=tmp_path))


@pytest.mark.parametrize("text", ["", "64k", "-1", "64KB", "1e3", "１"])
def test_bytes_that_are_none(text: str) -> None:
    with pytest.raises(LightDealError, match="legal: bytes, such as 65536, 64K or 1M"):
        bytes_of(text)
    assert [bytes_of(it) for it in ("0", "64K", "2M")] == [0, 65536, 2 << 20]


def row(rule: str, seed: int, held: float, accuracy: float, rate: float = 1, loss: float = 0.5) -> Row:
    return Row("classes", "all", rule, seed, rate, 100, 4, 32, held, accuracy, loss, 0.0)


def test_the_report_takes_the_rate_that_held_out_images_chose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rates by the first seed's held-out accuracy, never by the test images; of equal ones the one of the
    smaller loss; means over the seeds."""
    rows = [
        row("device", 1, 0.8, 0.2, -1),
        row("device", 1, 0.8, 0.7, -2, loss=0.4),
        row("device", 1, 0.7, 0.99, -3),
        row("device", 2, 0.1, 0.8, -2),
        row("device", 2, 0.99, 0.9, -3),
        replace(row("device", 3, 0.1, 0.1, -2), batch=64),
        row("masked", 1, 0.5, 0.77),
        row("masked", 2, 0.5, 0.75),
    ]
    for it in rows:
        keep_row(tmp_path / "rows", it)
    monkeypatch.setattr("flows.learn.report.WORKLOADS", WORKLOADS[:1])
    text = report(LearnReport(tmp_path / "rows", tmp_path, tmp_path))
    values = {it["name"]: it["value"] for it in json.loads((tmp_path / "metrics.json").read_text())}
    assert values["gap.adapt_classes"] == pytest.approx(1.0)
    assert "gap_dense.adapt_classes" not in values
    assert "gap.adapt_data" not in values
    assert "Not measured, `./run learn measure classes`: FP32, dense (all);" in text
    assert values["learn.peak_bytes.demo"] <= 64 << 10
    assert values["learn.peak_bytes.resnet8"] <= 256 << 10
    assert values["planner.worst_ratio"] <= 1.05
    assert f"{values['digits.step_cycles']:,.0f}" in text
    assert "learn.steps_exact" not in values
    assert "Not run on this code: `./run learn device`." in text


def test_the_report_takes_over_steps_of_the_device_if_they_are_of_this_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.learn.report.WORKLOADS", ())
    monkeypatch.setattr("flows.learn.report._memory", lambda _: ())
    steps = Metric("learn.steps_exact", 100, "steps", "more", "test")
    write_metrics([steps], tmp_path / "device.json")
    about = write_provenance(LearnDevice(), TINY, tmp_path / "device-about.json", ["flows.base.metrics"])
    for current in (True, False):
        if not current:
            about.write_text(about.read_text().replace('"digest": "', '"digest": "0'))
        text = report(LearnReport(tmp_path / "rows", tmp_path, tmp_path))
        found = json.loads((tmp_path / "metrics.json").read_text())
        assert [it["name"] for it in found] == ["learn.steps_exact"] * current
        assert ("Not run on this code" in text) != current


def test_rows_are_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.learn.measure.RATES", (0.05,))
    options = LearnMeasure("scratch.digits", 64, 1, 2, "masked", tmp_path)
    first = measure(options)
    assert first.startswith("scratch.digits, all, masked: ")
    assert len(list((tmp_path / "rows").glob("*.json"))) == 2
    monkeypatch.setattr("flows.learn.measure.run_row", None)
    assert measure(options) == first
    with pytest.raises(
        LightDealError, match="only: 'best'; legal: dense, masked, device, regrow, fixed, masters, truncation"
    ):
        measure(LearnMeasure("classes", only="masked,best", out=tmp_path))


def test_rows_of_another_kind_are_measured_again(tmp_path: Path) -> None:
    kept = row("device", 1, 0.8, 0.2)
    keep_row(tmp_path, kept)
    assert kept_row(tmp_path, replace(kept, held=0, accuracy=0)) == kept
    assert kept_row(tmp_path, replace(kept, batch=64)) is None
    assert kept_row(tmp_path, replace(kept, regrow=0.3)) is None


def test_each_rule_trains_by_its_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches and masks that change are the task's; controls say theirs, floats keep to the default."""
    seen: list[Plan] = []

    def trained(
        network: Network, state: State, images: object, labels: object, plan: Plan, *_: Any, **by: Any
    ) -> State:
        seen.append(plan)
        by["after"](state, Report(1.0, 1, 1, 0, 1))
        return state

    monkeypatch.setattr("flows.learn.rows.train", trained)
    monkeypatch.setattr("flows.learn.rows.judged", lambda *_: 0.0)
    data = batch(64)
    plain = Dataset("spots", data[0].float() / 127, data[1])
    graph = fresh_graph(NETWORK)
    found = Task("scratch.x", NETWORK, settled(), graph, graph, plain, plain, plain, (-3, -2), 16, 0.2)
    rules = ("device", "regrow", "fixed", "masters", "truncation")
    for rule in rules:
        made = run_row(found, blank_row(found, "all", rule, -3, 1, 2), silent)
        assert (made.batch, made.epochs, made.regrow) == (16, 2, seen[-1].regrow)
    assert [plan.regrow for plan in seen] == [0.2, 0.3, 0.0, 0.0, 0.2]
    assert {(plan.batch, plan.seed, plan.epochs) for plan in seen} == {(16, 1, 2)}
    assert blank_row(found, "all", "masked", 0.1, 1, 2).batch == 32
    assert [("all", "fixed") in columns(it) for it in TASKS] == [
        ("all", "regrow") not in columns(it) for it in TASKS
    ]
    assert ("all", "fixed") in columns("scratch.digits")


def test_from_nothing_masks_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("golden.learning.regrow.EVERY", 2)
    learn(SMALL(epochs=1, out=tmp_path))
    found = task("scratch.digits", tmp_path, 1, 128, silent)
    learnt = load_state(tmp_path / "scratch.digits" / "learnt.npz", found.network)
    pairs = zip(found.state.layers, learnt.layers, strict=True)
    assert any(not torch.equal(a.mask, b.mask) for a, b in pairs)


def test_float_controls_learn_what_the_scheme_says() -> None:
    train, _ = load_digits()
    data = train.part(0, 256)
    graph = fresh_graph(NETWORK)
    net = FloatNet(graph, masked=False)
    _, before = measured(net, data)
    heads, gammas = net.weights[-1].clone(), net.gammas[0].clone()
    train_float(net, data, Plan(4), 0.1, head_only(NETWORK))
    assert torch.equal(net.gammas[0], gammas)
    assert not torch.equal(net.weights[-1], heads)
    train_float(net, data, Plan(4), 0.1, everything(NETWORK))
    assert measured(net, data)[1] < before - 0.5
    frozen = FloatNet(graph, masked=True)
    train_float(frozen, data, Plan(1), 0.1, last_blocks(NETWORK, 1))
    assert torch.equal(frozen.weights[0], graph.layers[0].convolution.weight)
    assert not torch.equal(frozen.weights[-2], graph.layers[-2].convolution.weight)


def test_controls_step_as_the_device_does_but_for_their_rule() -> None:
    images, labels = batch()
    state = settled()
    rates = Rates(-1, 128)
    theirs, _ = step(NETWORK, state, images, labels, rates)
    cut, _ = truncation(NETWORK, state, images, labels, rates, None)
    # As many words are taken, and other results come out.
    assert cut.generators == theirs.generators
    assert not same(cut, theirs)
    masters = Masters(1.0)
    after, report_ = masters.step(NETWORK, state, images, labels, rates, None)
    assert after.generators != state.generators
    assert all(torch.equal(a.counters, b.counters) for a, b in zip(state.layers, after.layers, strict=True))
    assert report_.moved == sum(
        int((a.codes != b.codes).sum()) for a, b in zip(state.layers, after.layers, strict=True)
    )
    assert report_.moved > 0
    for it in after.layers:
        assert not it.codes[~it.mask].any()
