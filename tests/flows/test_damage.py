"""Every kind of file that LightDeal reads, damaged at random: it is refused in one line, or harmless."""

import hashlib
import json
import shutil
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.base.files import read_json
from flows.base.kept import kept, read_kept
from flows.base.metrics import Metric, metrics_text, read_metrics
from flows.explore.commands import AREA_MODEL
from flows.explore.fitted import read_model
from flows.explore.networks import read_trained
from flows.explore.points import Measured, read_points
from flows.explore.space import read_axes
from flows.report.measure import accuracy_metrics
from flows.studies.lightnorm.commands import LIGHTNORM_RUNS
from flows.studies.lightnorm.rtl import outcome_of
from flows.studies.lightnorm.runs import read as read_run
from flows.studies.lightnorm.settings import confirmation
from flows.synth.area import Area
from flows.synth.netlist import Synthesis, read_synthesis
from flows.synth.route import Route, read_route
from golden.compiler import compile_network
from golden.graph import network_file
from golden.spec.config import TINY, load_config
from golden.spec.program import Program
from sim.lightnorm.regression import Outcome
from tests.flows.damage import damaged, refusal
from tests.golden.networks import random_network

RUN = next(iter(confirmation(20_000, 10, range(1, 2))))
NETWORK = random_network(np.random.default_rng(3), TINY)
SOME = Metric("a.b", 1.5, "1", "more", "somewhere")


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Parameters
    ----------
    name: what the file is called.  make: writes a right one.  read: what reads it.
    """

    name: str
    make: Callable[[Path], object]
    read: Callable[[Path], object]


def config_text() -> str:
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value in asdict(TINY).items())


def write_synthesis(path: Path) -> None:
    area = Area({"LUT4": 2}, sites=2, flip_flops=3, dsps=0, block_rams=0, lut_rams=0, cell_area=1.5)
    found = Synthesis("unit", "ecp5", True, area, {"a": area}, (), path.parent, "v", "c")
    path.write_text(json.dumps({k: v for k, v in asdict(found).items() if k != "folder"}))


def write_route(path: Path) -> None:
    found = Route("part", 80.0, {"LUT": (1, 2)}, path.parent, path, "v", "c")
    values = {key: value for key, value in asdict(found).items() if key != "folder"}
    path.write_text(json.dumps(values | {"bitstream": "x.bit"}))


def write_trained(path: Path) -> None:
    network_file.save(NETWORK, path.with_suffix(".net"))
    found = hashlib.sha256(path.with_suffix(".net").read_bytes()).hexdigest()[:16]
    path.write_text(json.dumps({"accuracy": 0.5, "kept": 0.2, "digest": found, "recipe": "r"}))


KINDS = [
    Kind("x.toml", lambda path: path.write_text(config_text()), lambda path: load_config(str(path))),
    Kind("x.toml", lambda path: path.write_text("engines = [1, 2]\ndsp = [true]\n"), read_axes),
    Kind("x.net", lambda path: network_file.save(NETWORK, path), network_file.load),
    Kind("x.ldp", compile_network(NETWORK, TINY).save, Program.load),
    Kind("metrics.json", lambda path: path.write_text(metrics_text([SOME])), read_metrics),
    Kind(
        "x.json",
        lambda path: kept(path.parent, "x", "key", lambda: [SOME]),
        lambda path: read_kept(path.parent),
    ),
    Kind(
        "x.json",
        lambda path: kept(path.parent, "x", "key", lambda: [SOME]),
        lambda path: kept(path.parent, "x", "key", lambda: [SOME]),
    ),
    Kind(
        "digits.json",
        lambda path: path.write_text(
            json.dumps({"results": [{"rtl_images": 1, "config": "c", "name": "n", "accuracy": 0.5}]})
        ),
        lambda path: list(accuracy_metrics("digits", path)),
    ),
    Kind("area.json", lambda path: shutil.copy(AREA_MODEL, path), read_model),
    Kind(
        "points.jsonl",
        lambda path: path.write_text(json.dumps(asdict(Measured("k", "", 5, 1.5))) + "\n"),
        read_points,
    ),
    Kind("x.json", write_trained, lambda path: read_trained(path.with_suffix(".net"), "r")),
    Kind(
        f"{RUN.name}.json",
        lambda path: shutil.copy(LIGHTNORM_RUNS / path.name, path),
        lambda path: read_run(RUN, path.parent),
    ),
    Kind("result.json", write_synthesis, read_synthesis),
    Kind("result.json", write_route, read_route),
    Kind(
        "outcome.json",
        lambda path: path.write_text(json.dumps(vars(Outcome(1, 2, 0, None, 5, Counter({"x": 1}), 7)))),
        lambda path: read_json(path, "kept run", outcome_of, "remove it"),
    ),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_damage_is_refused_or_harmless(kind: Kind, data: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / kind.name
    kind.make(path)
    kind.read(path)
    whole = path.read_bytes()
    path.write_bytes(data.draw(damaged(whole)))
    said = refusal(lambda: kind.read(path))
    assert said is None or str(tmp_path) in said
    assert len(said or "") < 1000
    path.unlink()


@pytest.mark.parametrize("kind", [it for it in KINDS if it.name != "x.json"], ids=lambda kind: kind.name)
def test_bytes_that_are_no_text_a_folder_and_nothing_are_refused(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / kind.name
    for make in (
        lambda: path.write_bytes(b"\xff\xfe\x00"),
        lambda: path.write_bytes(b""),
        lambda: path.write_bytes(b"[" * 100_000),
        path.unlink,
    ):
        make()
        if not path.exists():
            path.mkdir()
        said = refusal(lambda: kind.read(path))
        if kind.name == "points.jsonl" and path.is_file():
            assert read_points(path)[0] == {}  # its lines are counted, not refused
        elif not (kind.name == "x.toml" and path.is_file() and not path.read_bytes()):
            assert said is not None
            assert str(path) in said


def recheck(magic: bytes, body: bytes) -> bytes:
    """A file with a right checksum."""
    return magic + hashlib.sha256(body).digest() + body


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_contents_that_are_wrong_under_a_right_checksum(data: st.DataObject, tmp_path: Path) -> None:
    """What another program wrote: the readers themselves refuse it."""
    for name, save, load in (
        ("x.ldp", compile_network(NETWORK, TINY).save, Program.load),
        ("x.net", lambda path: network_file.save(NETWORK, path), network_file.load),
    ):
        path = tmp_path / name
        save(path)
        whole = path.read_bytes()
        magic = whole[: whole.index(b"\n") + 1]
        body = whole[len(magic) + 32 :]
        if name == "x.ldp":
            body = zlib.compress(data.draw(damaged(zlib.decompress(body))))
        else:
            body = data.draw(damaged(body))
        path.write_bytes(recheck(magic, body))
        said = refusal(partial(load, path))
        assert said is None or said.startswith(("program ", "network "))
