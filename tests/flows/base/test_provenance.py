import json
import re
from pathlib import Path

import pytest
from amaranth import __version__ as amaranth_version

from flows.base.provenance import commit, is_current, tool_version, write_provenance
from flows.base.sources import sources_digest
from flows.user.commands import Demo
from golden.spec.config import TINY


def test_a_result_says_what_made_it(tmp_path: Path) -> None:
    about = json.loads(write_provenance(Demo(seed=5), TINY, tmp_path / "about.json").read_text())
    assert about["options"]["seed"] == "5"
    assert about["configuration"]["digest"] == f"{TINY.digest:08x}"
    assert about["packages"]["amaranth"] == amaranth_version
    assert "Icarus Verilog" in about["tools"]["iverilog"]


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tool_version("iverilog") == "missing"


def test_a_commit_is_known_or_said_not_to_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is unknown too where the code is no checkout."""
    assert re.fullmatch(r"[0-9a-f]{40}\+?|unknown", commit("golden"))
    assert commit("no/such/file").rstrip("+") == commit("golden").rstrip("+")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit() == "unknown"


def test_a_result_says_what_code_it_was_measured_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "about.json"
    assert not is_current(path)
    write_provenance(Demo(), TINY, path)
    assert not is_current(path)
    roots = ["flows.base.metrics"]
    about = json.loads(write_provenance(Demo(), TINY, path, roots).read_text())
    assert about["sources"] == {"roots": roots, "digest": sources_digest(roots)}
    assert is_current(path)
    monkeypatch.setattr("flows.base.provenance.sources_digest", lambda _: "0" * 16)
    assert not is_current(path)
