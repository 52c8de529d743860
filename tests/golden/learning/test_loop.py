"""Training for epochs, cut and resumed; checkpoints good and bad."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from golden.learning import LearningError, Plan, Report, State, accuracy, fresh_state, load_state, save_state
from golden.learning.loop import train
from golden.learning.update import Rates
from tests.golden.learning.samples import NETWORK, batch, same, settled

PLAN = Plan(epochs=2, batch=8)


def test_a_run_that_is_cut_ends_with_the_same_bits(tmp_path: Path) -> None:
    data, start = batch(32), fresh_state(NETWORK, 3, 0.5)
    reports: list[Report] = []
    whole = train(NETWORK, start, *data, PLAN, after=lambda _, report: reports.append(report))
    assert (whole.steps, len(reports)) == (8, 8)
    assert same(whole, train(NETWORK, start, *data, PLAN))
    for cut in (1, 4, 7):
        part = train(NETWORK, start, *data, PLAN, stop=cut)
        assert part.steps == cut
        save_state(tmp_path / "state.npz", NETWORK, part)
        loaded = load_state(tmp_path / "state.npz", NETWORK)
        assert same(loaded, part)
        seen = len(reports)
        rest = train(NETWORK, loaded, *data, PLAN, after=lambda _, report: reports.append(report))
        assert same(rest, whole)
        assert reports[seen:] == reports[cut:8]


def test_it_learns() -> None:
    """A spot whose place is the label: found within 100 steps, by inference as well."""
    data, said = batch(160, seed=1), []
    losses: list[float] = []
    state = train(
        NETWORK,
        fresh_state(NETWORK, 2, 0.5),
        *data,
        Plan(epochs=10, batch=16),
        lambda message, fraction: said.append((message, fraction)),
        after=lambda _, report: losses.append(report.loss),
    )
    assert np.mean(losses[-10:]) < 0.35 * losses[0]
    assert accuracy(NETWORK, state, *batch(200, seed=2)) > 0.8
    assert said[-1] == (f"step 100 of 100: loss {losses[-1]:.3f}", 1.0)


def test_every_epoch_takes_each_image_once_in_another_order() -> None:
    plan = Plan(epochs=2, batch=8, seed=4)
    epochs = [torch.cat([plan.batch_at(4 * epoch + k, 35) for k in range(4)]).tolist() for epoch in (0, 1)]
    assert [len(set(epoch)) for epoch in epochs] == [32, 32]
    assert epochs[0] != epochs[1]
    assert plan.batch_at(0, 35).tolist() == epochs[0][:8]
    assert Plan(epochs=2, batch=8, seed=5).batch_at(0, 35).tolist() != epochs[0][:8]


def test_rates_fall_along_the_cosine() -> None:
    plan = Plan(epochs=1, code_rate=-2, plain_rate=128)
    assert plan.rates(0) == Rates(-2, 128)
    assert plan.rates(0.5) == Rates(-3, 64)
    assert plan.rates(1) == Rates(-9, 1)
    assert Plan(epochs=1, plain_rate=0).rates(0.5).plain == 0


@pytest.mark.parametrize(
    ("field", "value", "legal"),
    [("epochs", 0, "1 or more"), ("batch", 0, "1 or more"), ("seed", -1, "0 or more")],
)
def test_plans_that_cannot_be(field: str, value: int, legal: str) -> None:
    with pytest.raises(LearningError, match=f"plan field '{field}' = {value}; legal: {legal}"):
        Plan(**{"epochs": 1, field: value})
    with pytest.raises(LearningError, match="3 images; legal: at least one batch of 8"):
        train(NETWORK, fresh_state(NETWORK, 0), *batch(3), PLAN)


def damaged(tmp_path: Path, **changes: np.ndarray | None) -> Path:
    """A checkpoint with parts replaced, or without those that are None."""
    path = tmp_path / "state.npz"
    save_state(path, NETWORK, settled())
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    arrays |= {name: value for name, value in changes.items() if value is not None}
    np.savez(path, **{name: value for name, value in arrays.items() if changes.get(name, value) is not None})
    return path


def changed(name: str, place: int, value: int) -> np.ndarray:
    """Tensor `name` of the first layer that has a mask with holes, with one value changed."""
    array = np.array(getattr(settled().layers[1], name).numpy())
    array.reshape(-1)[place] = value
    return array


OUTSIDE = int((~settled().layers[1].mask).flatten().nonzero()[0, 0])
INSIDE = int(settled().layers[1].mask.flatten().nonzero()[0, 0])


@pytest.mark.parametrize(
    ("part", "value", "text"),
    [
        ("1.codes", changed("codes", INSIDE, 3), "layer block1.conv1: code 3; legal: 0 or ±2^p"),
        ("1.codes", changed("codes", INSIDE, -128), "layer block1.conv1: codes: value -128; legal: ±64"),
        ("1.codes", changed("codes", OUTSIDE, 1), "a code or a counter outside the mask is not 0"),
        ("1.counters", changed("counters", OUTSIDE, 1), "a code or a counter outside the mask is not 0"),
        ("1.counters", changed("counters", INSIDE, 8), "counters: value 8; legal: ±7 at most"),
        (
            "1.gamma",
            np.array([1, np.nan, 1, 1]),
            "gamma: torch.float64 (4,), with NaN; legal: torch.int16 (4,)",
        ),
        ("1.mean", np.full((2, 4), np.nan), "1.mean: float64 (2, 4), with NaN; legal: int64 (2, 4)"),
        ("1.spread", np.ones((2, 4), np.int64), "running spread is no array of 4 scalars of 24 bits"),
        ("1.mask", np.zeros((4, 4, 3, 3), bool), "outside the mask"),
        (
            "2.exponents",
            np.array([99, 0, 0, 0]),
            "layer block1.conv2: exponent activation = 99; legal: -16…8",
        ),
        ("head.weights", np.full((10, 6), 2033, np.int16), "head: weights: value 2033; legal: ±2032"),
        ("generators", np.zeros((5, 2), np.uint64), "LFSR of zeros"),
        ("steps", np.array(-1), "steps = -1; legal: 0 or more"),
        ("version", np.array(1), "version 1; legal: 2"),
        ("network", np.array("other"), "of network other; legal: this one's"),
        ("0.beta", None, "has no part '0.beta'"),
        ("generators", None, "has no part 'generators'"),
    ],
)
def test_damaged_parts_are_named(tmp_path: Path, part: str, value: np.ndarray | None, text: str) -> None:
    path = damaged(tmp_path, **{part: value})
    with pytest.raises(LearningError) as caught:
        load_state(path, NETWORK)
    assert str(path) in str(caught.value)
    assert text in str(caught.value)


def test_files_that_are_no_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    with pytest.raises(LearningError, match=r"state.npz: missing; legal"):
        load_state(path, NETWORK)
    save_state(path, NETWORK, settled())
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for content in (b"", b"nothing", whole[: len(whole) // 2], bytes(flipped)):
        path.write_bytes(content)
        with pytest.raises(LearningError, match=r"state.npz: damaged"):
            load_state(path, NETWORK)
    other = replace(NETWORK, classes=11)
    path.write_bytes(whole)
    with pytest.raises(LearningError, match="of network"):
        load_state(path, other)


def test_a_write_that_fails_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, state = tmp_path / "state.npz", settled()
    save_state(path, NETWORK, state)
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space"):
        save_state(path, NETWORK, replace(state, steps=5))
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["state.npz"]
    loaded: State = load_state(path, NETWORK)
    assert same(loaded, state)
