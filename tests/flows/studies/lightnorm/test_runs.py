"""Trainings: repeatable, kept once, compared with what is kept."""

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from flows.base.jobs import Job
from flows.studies.lightnorm import runs
from flows.studies.lightnorm.runs import difference, keep_all, read, train, train_and_keep
from flows.studies.lightnorm.settings import BASE, CHOSEN, SCREENED, Norm, Settings, confirmation, screening
from golden.progress import silent
from golden.spec.block import GroupAxis, Rounding, Spikes
from golden.spec.errors import LightDealError
from golden.workloads import Dataset
from tests.flows.studies.lightnorm.kept import keep, trained

SHORT = Settings(Norm(), images=24, epochs=2, batch=8)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random images in place of Fashion-MNIST, which need not be there."""
    generator = torch.Generator().manual_seed(3)

    def part(count: int) -> Dataset:
        labels = torch.arange(count) % 10
        return Dataset("made up", torch.rand((count, 1, 32, 32), generator=generator), labels)

    data = part(32), part(20), part(20)
    monkeypatch.setattr(runs, "load", lambda name: data)


def test_every_setting_is_in_the_name() -> None:
    norms: list[dict[str, Any]] = [
        {"axis": GroupAxis.CHANNELS},
        {"rounding": Rounding.TRUNCATE},
        {"spikes": Spikes.APART},
        *({name: 2} for name in ("group", "spike", "chunks")),
    ]
    wholes: list[dict[str, Any]] = [
        {"norm": None},
        *({name: 3} for name in ("images", "epochs", "seed", "rate", "batch", "decay")),
    ]
    for kind, changes in ((Norm, norms), (Settings, wholes)):
        assert [name for change in changes for name in change] == [field.name for field in fields(kind)]
    others = [replace(SHORT, norm=replace(BASE, **change)) for change in norms]
    others += [replace(SHORT, **change) for change in wholes]
    assert len({it.name for it in (SHORT, *others)}) == 1 + len(others)


def test_the_studies() -> None:
    screened = list(screening(100, 2))
    assert len({it.name for it in screened}) == len(screened)
    assert {it.norm for it in screened if it.rate == Settings(None).rate} == {None, *SCREENED}
    assert CHOSEN in SCREENED
    pairs = [(it.norm, it.seed) for it in confirmation(100, 2, [1, 2])]
    assert pairs == [(None, 1), (CHOSEN, 1), (None, 2), (CHOSEN, 2)]


def test_a_norm_becomes_the_layers_options() -> None:
    norm = Norm(GroupAxis.CHANNELS, Rounding.TRUNCATE, Spikes.APART, group=32, spike=3, chunks=4)
    options = norm.options()
    assert (options.axis, options.spikes, options.chunks) == (GroupAxis.CHANNELS, Spikes.APART, 4)
    assert options.format.spike == 3
    for block in (options.format.forward, options.format.gradient):
        assert (block.group, block.rounding) == (32, Rounding.TRUNCATE)


@pytest.mark.usefixtures("small")
def test_training_is_repeatable_and_takes_its_layer() -> None:
    first = train(SHORT, silent)
    assert len(first.losses) == len(first.validation) == 2
    assert difference(train(SHORT, silent), first) is None
    losses = [train(replace(SHORT, norm=norm), silent).losses for norm in (None, replace(BASE, group=32))]
    assert len({first.losses, *losses}) == 3
    # Five magnitude bits hardly change the loss of the first steps.
    np.testing.assert_allclose(losses[0][0], first.losses[0], rtol=0.1)


@pytest.mark.usefixtures("small")
def test_a_finished_training_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def here(jobs: Mapping[str, Job], workers: int | None) -> None:
        assert workers == 1
        for name, job in jobs.items():
            done.append(name)
            job(silent)

    monkeypatch.setattr(runs, "run_jobs", here)
    both = [SHORT, replace(SHORT, norm=None)]
    train_and_keep(SHORT, tmp_path, silent)
    kept = (tmp_path / f"{SHORT.name}.json").read_bytes()
    results = keep_all(both, tmp_path, 1)
    assert done == [both[1].name]
    assert list(results) == both
    assert (tmp_path / f"{SHORT.name}.json").read_bytes() == kept
    assert keep_all(both, tmp_path, 1) == results
    assert len(done) == 1


@pytest.mark.usefixtures("small")
def test_what_cannot_be_trained() -> None:
    with pytest.raises(LightDealError, match=r"images 33; legal: 1…32, the training images of fashion-mnist"):
        train(replace(SHORT, images=33), silent)
    with pytest.raises(LightDealError, match="epochs 0; legal: 1 or more"):
        train(replace(SHORT, epochs=0), silent)


def test_a_file_must_hold_its_settings(tmp_path: Path) -> None:
    assert read(SHORT, tmp_path) is None
    keep([SHORT], tmp_path)
    assert read(SHORT, tmp_path) == trained(SHORT, 0.6)
    path = tmp_path / f"{SHORT.name}.json"
    text = path.read_text()
    path.write_text(text.replace('"batch": 8', '"batch": 9'))
    with pytest.raises(LightDealError, match=r"its settings are .*'batch': 9.*; expected .*'batch': 8"):
        read(SHORT, tmp_path)
    path.write_text(text[:-9])
    with pytest.raises(LightDealError, match=r"seed1\.json: not a kept run \(.*\); remove it and run again"):
        read(SHORT, tmp_path)


def test_a_difference_is_named() -> None:
    kept = trained(SHORT)
    assert difference(replace(kept, seconds=9.0, made=kept.made | {"commit": "d"}), kept) is None
    last = replace(kept, losses=(1.0, float(np.nextafter(0.5, 1))))
    assert "with the same versions and processor" in str(difference(last, kept))
    assert str(difference(replace(kept, test=0.25), kept)).startswith("test 0.25; kept: 0.5")
    elsewhere = kept.made | {"processor": "q"}
    assert difference(replace(last, made=elsewhere), kept) is None
    far = replace(kept, losses=(1.0, 0.52), made=elsewhere)
    assert difference(far, kept) == "loss 0.52000 in epoch 2; kept: 0.50000, further apart than 1%"
