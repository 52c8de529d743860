"""Where simulators are built: in the checkout, or in the user's cache where that cannot be written."""

from pathlib import Path

import pytest

from sim.backends import places
from sim.drivers.ports import ToolError


def test_the_checkout_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "BUILD", tmp_path / "build" / "sim")
    assert places.place_of("x") == tmp_path / "build" / "sim" / "x"
    assert (tmp_path / "build" / "sim").is_dir()


def test_the_cache_stands_in_and_what_is_built_is_still_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(places, "BUILD", tmp_path / "file" / "sim")
    assert places.place_of("x") == tmp_path / "cache" / "lightdeal" / "sim" / "x"
    monkeypatch.setattr(places, "BUILD", Path("/proc/self"))
    assert places.place_of("fd") == Path("/proc/self/fd")
    assert places.place_of("x") == tmp_path / "cache" / "lightdeal" / "sim" / "x"


def test_no_place_at_all_is_an_error_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(places, "BUILD", tmp_path / "file" / "sim")
    words = (
        r"no place for the simulators: \S+file/sim \(.*\) and \S+lightdeal/sim \(.*\) cannot be written; copy"
    )
    with pytest.raises(ToolError, match=words):
        places.place_of("x")
