"""The verb zoo from training to its table, on small networks in the place of the real ones."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from flows.base.jobs import Job
from flows.base.metrics import Metric, read_metrics, rows_of
from flows.fuzz.commands import Fuzz
from flows.fuzz.verb import fuzz
from flows.zoo import networks, rows, table, verb
from flows.zoo.commands import Zoo
from flows.zoo.networks import Made, Pictures
from golden.compiler import compile_network
from golden.cycles.timing import count_cycles
from golden.graph import network_file
from golden.progress import Progress, silent
from golden.spec.config import DEFAULT, TINY
from golden.spec.errors import LightDealError
from golden.workloads import Dataset
from golden.workloads.zoo import Entry
from golden.workloads.zoo.training import train
from sim.checks.fidelity import fidelity


def _classes() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    )


def _again() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 6))


def _odd() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Softsign(), nn.Flatten(), nn.Linear(64, 3))


_SMALL = {
    "lenet": Entry("a network with labels", _classes, (1, 4, 4), 3, share=0.5, batch=8),
    "unet": Entry("one that gives its image again", _again, (6, 1, 1), 0),
    "dscnn": Entry("one that is not supported", _odd, (1, 4, 4), 3),
}


def _images(_: object = None) -> tuple[Dataset, Dataset, Dataset]:
    generator = torch.Generator().manual_seed(5)
    images, labels = torch.rand(40, 1, 32, 32, generator=generator), torch.arange(40) % 10
    data = Dataset("made up", images, labels)
    return data, data, data


def _one_by_one(jobs: Mapping[str, Job], done: Callable[[str, Any], None]) -> dict[str, Any]:
    found = {}
    for name, job in jobs.items():
        found[name] = job(silent)
        done(name, found[name])
    return found


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "load_fashion_mnist", _images)
    monkeypatch.setattr(verb, "run_jobs", _one_by_one)
    for module in (verb, table):
        monkeypatch.setattr(module, "NAMES", ("all", *_SMALL))
    monkeypatch.setattr(networks, "ZOO", _SMALL)
    for module in (networks, rows, verb):
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
    network = network_file.load(tmp_path / "lenet.net")
    cycles = count_cycles(compile_network(network, DEFAULT)).cycles
    assert metrics["lenet.default_cycles"].value == cycles
    assert f"lenet {cycles:,.0f}" in text.partition("Cycles on `default`")[2]
    # Layers of one pixel take all lanes' images at once; the others do not.
    assert metrics["unet.cycles_beside"].value == metrics["unet.cycles"].value / TINY.lanes
    said = f"unet with images side by side in all lanes: {metrics['unet.cycles_beside'].value:,.0f} cycles"
    assert said in text
    assert "lenet.cycles_beside" not in metrics
    for line in rows_of(text)[0]:
        name = line["network"]
        assert metrics[f"{name}.snr_db"].value > 15
        assert line["worst tensor"] == f"{metrics[f'{name}.snr_db'].value:.1f} dB"
        assert len(rows_of((tmp_path / f"{name}.tensors.md").read_text())[0]) == 3
    # A share of what was asked for; nothing to learn again without labels.
    assert [line["images × epochs"] for line in rows_of(text)[0]] == ["20 × 1 + 1", "40 × 1 + 0"]
    assert (tmp_path / "zoo.md").read_text().strip() in text


@pytest.mark.long
def test_layers_that_keep_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a share of what they would keep, whatever density is asked for; the others as before."""
    options = Zoo(name="unet", train=40, epochs=0, again=0, density=0.5, out=tmp_path)
    sparser = replace(_SMALL["unet"], sparser={"1": 2 / 3})
    monkeypatch.setitem(_SMALL, "unet", sparser)
    verb.zoo(options)
    network = network_file.load(tmp_path / "unet.net")
    assert [it.kept for it in compile_network(network, TINY).layers] == [8, 12]
    monkeypatch.setitem(_SMALL, "unet", replace(sparser, sparser={"5": 0.5}))
    text, well = verb.zoo(replace(options, density=0.25))
    assert not well
    assert "REFUSED: unet: compression plan: no layer '5'" in text


def test_a_row_is_kept_for_the_next_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = Zoo(name="lenet", train=40, epochs=1, again=0, out=tmp_path)
    first = verb.zoo(options)
    monkeypatch.setattr(rows, "made", None)
    assert verb.zoo(options) == first
    with pytest.raises(TypeError):  # other options: another row
        verb.zoo(replace(options, again=1))


def test_a_kill_leaves_what_was_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def stopped(name: str, options: Zoo, pictures: Pictures, progress: Progress) -> Made:
        if name == "unet" and "stopped" not in asked:
            asked.append("stopped")
            raise KeyboardInterrupt
        asked.append(name)
        return networks.made(name, options, pictures, progress)

    monkeypatch.setattr(rows, "made", stopped)
    options = Zoo(train=40, epochs=0, again=0, out=tmp_path, fuzz=tmp_path / "fuzz")
    with pytest.raises(KeyboardInterrupt):
        verb.zoo(options)
    left = read_metrics(tmp_path / "metrics.json")
    assert {name.partition(".")[0] for name in left} == {"lenet"}
    del asked[:-1]
    verb.zoo(options)
    assert asked == ["stopped", "unet", "dscnn"]
    assert left.items() <= read_metrics(tmp_path / "metrics.json").items()


@pytest.mark.long
def test_random_networks_stand_beside_those_of_this_code(tmp_path: Path) -> None:
    options = Zoo(name="lenet", train=40, epochs=0, again=0, out=tmp_path / "zoo", fuzz=tmp_path / "fuzz")
    fuzz(Fuzz(networks=1, rtl=0, out=options.fuzz))
    verb.zoo(options)
    metrics = read_metrics(options.out / "metrics.json")
    assert (metrics["fuzz.networks"].value, metrics["fuzz.mismatches"].value) == (1, 0)
    about = options.fuzz / "about.json"
    about.write_text(re.sub('"digest": "[0-9a-f]{16}"', f'"digest": "{0:016}"', about.read_text()))
    verb.zoo(options)
    assert "fuzz.networks" not in read_metrics(options.out / "metrics.json")


@pytest.mark.long
def test_the_data_set_is_read_once_and_only_for_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def once() -> tuple[Dataset, Dataset, Dataset]:
        read.append(1)
        return _images()

    monkeypatch.setattr(verb, "load_fashion_mnist", once)
    monkeypatch.setattr(verb, "NAMES", ("all", "lenet", "unet"))
    options = Zoo(train=40, epochs=0, again=0, out=tmp_path)
    verb.zoo(replace(options, name="lenet"))
    assert "zoo.seconds" not in read_metrics(tmp_path / "metrics.json")
    verb.zoo(options)
    first = verb.zoo(options)
    assert len(read) == 2
    # A run of all of them says so.
    found = {name: it.value for name, it in read_metrics(tmp_path / "metrics.json").items()}
    assert found["zoo.seconds"] == pytest.approx(found["lenet.seconds"] + found["unet.seconds"])
    assert f"Processor time of all of it: {found['zoo.seconds'] / 60:.1f} minutes." in first[0]


def test_the_float_network_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for another density; a damaged file counts as none."""
    options = Zoo(name="lenet", train=40, epochs=1, again=0, out=tmp_path)
    verb.zoo(options)
    trained = []

    def learns(entry: Entry, data: Dataset, epochs: int, seed: int, progress: Progress) -> nn.Module:
        trained.append(entry)
        return train(entry, data, epochs, seed, progress)

    monkeypatch.setattr(networks, "train", learns)
    verb.zoo(replace(options, density=0.5))
    assert not trained
    (path,) = (tmp_path / "floats").iterdir()
    path.write_bytes(path.read_bytes()[:99])
    verb.zoo(replace(options, density=0.25))
    assert trained


def test_a_damaged_row_is_named(tmp_path: Path) -> None:
    options = Zoo(name="lenet", train=40, epochs=0, again=0, out=tmp_path)
    verb.zoo(options)
    (tmp_path / "rows/lenet.json").write_text("[1]")
    with pytest.raises(LightDealError, match=r"rows/lenet\.json: damaged .*remove "):
        verb.zoo(options)


@pytest.mark.long
def test_milliseconds_follow_the_frequency_of_their_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb, "routed_mhz", lambda config: {"small": 100.0, "default": 50.0}[config])
    text, _ = verb.zoo(Zoo(name="lenet", train=40, epochs=0, again=0, out=tmp_path, fuzz=tmp_path))
    found = {name: it.value for name, it in read_metrics(tmp_path / "metrics.json").items()}
    assert found["lenet.ms"] == found["lenet.cycles"] / 100e3
    assert found["lenet.default_ms"] == found["lenet.default_cycles"] / 50e3
    assert f"lenet {found['lenet.default_cycles']:,.0f} ({found['lenet.default_ms']:.2f} ms)" in text
    assert "milliseconds at its 50.0 MHz" in text


@pytest.mark.parametrize("fault", ["rtl", "reference"])
def test_a_difference_is_said(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if fault == "rtl":
        monkeypatch.setattr(rows, "mismatch_count", lambda *_: 3)
    else:
        monkeypatch.setattr(rows, "fidelity", lambda *it: replace(fidelity(*it), mismatches=3))
    text, well = verb.zoo(Zoo(name="lenet", train=40, epochs=0, again=0, out=tmp_path))
    assert not well
    assert rows_of(text)[0][0]["mismatches"] == "3"
    assert read_metrics(tmp_path / "metrics.json")[f"lenet.{fault}_mismatches"].value == 3
    # A kept fault is one in the next call, too.
    assert not verb.zoo(Zoo(name="lenet", train=40, epochs=0, again=0, out=tmp_path))[1]


def test_how_much_is_left_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    times = iter([0.0, 60.0, 180.0, 240.0])
    monkeypatch.setattr("flows.zoo.verb.time.monotonic", lambda: next(times))
    report = verb._Report(Zoo(out=tmp_path))
    monkeypatch.setattr(report, "write", lambda: None)
    report.expected = 3
    for name in ("lenet", "unet"):
        report.add(name, [Metric(f"{name}.seconds", 7, "s", "less", "a test")])
    report.add("dscnn", "why not")
    said = capsys.readouterr().err
    assert "lenet: done in 7 s of a core; 2 left, about 2 minutes" in said
    assert "unet: done in 7 s of a core; 1 left, about 2 minutes" in said
    assert "dscnn: refused; 0 left, about 0 minutes" in said
