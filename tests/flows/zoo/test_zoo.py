"""The verb zoo from training to its table, on small networks in the place of the real ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import golden.workloads.zoo.training as training
from flows.base.jobs import Job
from flows.base.metrics import read_metrics
from flows.zoo import networks, verb
from flows.zoo.commands import Zoo
from golden.graph import network_file
from golden.progress import silent
from golden.spec.config import TINY
from golden.workloads import Dataset
from golden.workloads.zoo import Entry


def _classes() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    )


def _again() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 6))


def _odd() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Softsign(), nn.Flatten(), nn.Linear(64, 3))


_SMALL = {
    "lenet": Entry("a network with labels", _classes, (1, 4, 4), 3),
    "unet": Entry("one that gives its image again", _again, (6, 1, 1), 0),
    "dscnn": Entry("one that is not supported", _odd, (1, 4, 4), 3),
}


def _images(_: object = None) -> tuple[Dataset, Dataset, Dataset]:
    generator = torch.Generator().manual_seed(5)
    images, labels = torch.rand(40, 1, 32, 32, generator=generator), torch.arange(40) % 10
    data = Dataset("made up", images, labels)
    return data, data, data


def _one_by_one(jobs: Mapping[str, Job]) -> dict[str, Any]:
    return {name: job(silent) for name, job in jobs.items()}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "load_fashion_mnist", _images)
    monkeypatch.setattr(verb, "run_jobs", _one_by_one)
    monkeypatch.setattr(verb, "NAMES", ("all", *_SMALL))
    for module in (networks, verb):
        monkeypatch.setattr(module, "ZOO", _SMALL)
        monkeypatch.setattr(module, "CONFIG", TINY)


def test_all_networks_and_what_is_refused(tmp_path: Path) -> None:
    text, well = verb.zoo(Zoo(train=40, epochs=1, again=1, density=0.5, out=tmp_path))
    assert not well
    assert "REFUSED: dscnn: 1: found Softsign; supported: Conv2d" in text
    metrics = read_metrics(tmp_path / "metrics.json")
    for name in ("lenet", "unet"):
        assert metrics[f"{name}.rtl_mismatches"].value == 0
        assert metrics[f"{name}.cycles"].value > metrics[f"{name}.cycles_bound"].value > 0
        assert 0 < metrics[f"{name}.density"].value <= 1
        assert network_file.load(tmp_path / f"{name}.net").layers
    # Nine MACs for each of four filters at 16 pixels, and the linear layer.
    assert metrics["lenet.cycles_dense"].value == (36 * 16 + 12) / TINY.adders
    assert "lenet.accuracy_integers" in metrics
    assert metrics["unet.density"].value == 0.5
    assert "unet.accuracy_float" not in metrics
    assert not any(name.startswith("dscnn") for name in metrics)


def test_the_float_network_is_kept_for_the_next_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = Zoo(name="lenet", train=40, epochs=1, again=0, out=tmp_path)
    first = verb.zoo(options)
    monkeypatch.setattr(networks, "train", None)
    assert verb.zoo(options) == first


def test_a_difference_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "mismatch_count", lambda *_: 3)
    _, well = verb.zoo(Zoo(name="lenet", train=40, epochs=0, again=0, out=tmp_path))
    assert not well
    assert read_metrics(tmp_path / "metrics.json")["lenet.rtl_mismatches"].value == 3
