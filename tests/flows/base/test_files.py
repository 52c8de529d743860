"""Results outlive the place they were meant for, folders are never replaced by mistake."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from flows.base.files import (
    UnwrittenError,
    demand_replaceable,
    one_line,
    save_whole,
    shell_word,
    whole_folder,
    write_all,
    write_whole,
)
from golden.spec.errors import LightDealError
from tests.flows.places import closed, ordinary_user


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Path]]:
    """The files that were kept elsewhere; the working directory, and all that is kept, is temporary."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return lambda: [it for it in (tmp_path / "work").glob("lightdeal-kept-*/*") if it.is_file()]


def test_a_result_whose_place_has_gone_is_kept_and_the_error_says_where(
    tmp_path: Path, kept: Callable[[], list[Path]]
) -> None:
    (tmp_path / "file").write_text("theirs")
    place = tmp_path / "file" / "x.net"
    with pytest.raises(UnwrittenError) as caught:
        write_whole(place, "hours of work")
    (path,) = kept()
    assert str(caught.value) == f"{place}: cannot be written: {place.parent} is a file; it is kept in {path}"
    assert path.name == "x.net"
    assert path.read_text() == "hours of work"


def test_a_full_disk_leaves_no_half_of_a_file(tmp_path: Path, kept: Callable[[], list[Path]]) -> None:
    """The disk is full at the place itself, and takes the file elsewhere."""
    place = tmp_path / "x"
    place.write_text("old")

    def write(path: Path) -> None:
        path.write_text("half")
        if path.parent == tmp_path:
            raise OSError(28, os.strerror(28))
        path.write_text("whole")

    with pytest.raises(
        UnwrittenError, match=r"x: cannot be written: No space left on device; it is kept in "
    ):
        save_whole(place, write)
    assert [it.read_text() for it in kept()] == ["whole"]
    assert place.read_text() == "old"
    assert [it.name for it in tmp_path.iterdir() if it.is_file()] == ["x"]


def test_where_no_place_takes_it_the_error_says_so(tmp_path: Path, kept: Callable[[], list[Path]]) -> None:
    def write(path: Path) -> None:
        raise OSError(28, os.strerror(28))

    with pytest.raises(
        UnwrittenError, match=r"No space left on device; and there is no other place that takes"
    ):
        save_whole(tmp_path / "x", write)
    assert list(Path.cwd().iterdir()) == kept() == []


def test_a_working_directory_that_takes_nothing_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with ordinary_user() as folder:
        place = closed(folder)
        (folder / "home").mkdir()
        monkeypatch.chdir(place)
        monkeypatch.setenv("HOME", str(folder / "home"))
        with pytest.raises(
            UnwrittenError, match=r"Permission denied; it is kept in \S+/home/lightdeal-kept-"
        ):
            write_whole(place / "x", "text")
        (found,) = folder.glob("home/*/x")
        assert found.read_text() == "text"
        monkeypatch.chdir("/")


def test_the_failure_of_one_file_does_not_keep_others(tmp_path: Path, kept: Callable[[], list[Path]]) -> None:
    (tmp_path / "file").write_text("")
    wrong = {tmp_path / "file" / name: name for name in "ac"}
    with pytest.raises(UnwrittenError, match=r"file/a: cannot be written.*; .*file/c: cannot be written"):
        write_all(wrong | {tmp_path / "b": "b"})
    assert (tmp_path / "b").read_text() == "b"
    assert sorted(it.read_text() for it in kept()) == ["a", "c"]


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "file").symlink_to(tmp_path / "real" / "x")
    write_whole(tmp_path / "file", "text")
    assert (tmp_path / "real" / "x").read_text() == "text"
    with whole_folder(tmp_path / "link", "x") as folder:
        (folder / "x").write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "x").read_text() == "new"


def fill(place: Path, name: str, last: Callable[[], object]) -> None:
    """A folder with a file; `last` happens at the end of the block."""
    with whole_folder(place, "sign") as folder:
        (folder / name).write_text("hours of work")
        last()


def fail(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("late", [False, True])
def test_a_folder_of_others_is_never_replaced(late: bool, tmp_path: Path) -> None:
    """Not even one that comes to be there in the meantime."""
    place = tmp_path / "place"
    if not late:
        place.mkdir()
        (place / "theirs").write_text("")
        with pytest.raises(
            LightDealError, match=r"folder .*place: holds other files, without the sign of an earlier"
        ):
            demand_replaceable(place, "sign")
        with pytest.raises(LightDealError, match=r"holds other files"), whole_folder(place, "sign"):
            pass
    else:
        stays = tmp_path / "place.partial"
        with pytest.raises(UnwrittenError) as caught:
            fill(place, "ours", lambda: write_whole(place / "theirs", ""))
        assert str(caught.value).endswith(f"what is finished stays in {stays} until the next call")
        assert (stays / "ours").read_text() == "hours of work"
    assert [it.name for it in place.iterdir()] == ["theirs"]


def test_an_empty_folder_and_an_earlier_result_are_replaced(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    for text in ("one", "two"):
        with whole_folder(place, "sign") as folder:
            (folder / "sign").write_text(text)
        assert (place / "sign").read_text() == text
    assert [it.name for it in tmp_path.iterdir()] == ["place"]


def test_what_is_finished_stays_where_the_disk_is_full(tmp_path: Path) -> None:
    words = r"place: not finished: y: No space left on device; what is finished stays in "
    with pytest.raises(UnwrittenError, match=words):
        fill(tmp_path / "place", "x.net", partial(fail, OSError(28, os.strerror(28), "y")))
    assert (tmp_path / "place.partial" / "x.net").read_text() == "hours of work"


def test_what_is_finished_stays_after_a_fault_and_goes_after_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        fill(tmp_path / "place", "x.net", partial(fail, ZeroDivisionError()))
    stays = tmp_path / "place.partial"
    assert caught.value.__notes__ == [f"what is finished stays in {stays} until the next call"]
    assert (stays / "x.net").exists()
    for error in (LightDealError("no"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            fill(tmp_path / "place", "x.net", partial(fail, error))
        assert list(tmp_path.iterdir()) == []


def test_a_kill_between_the_two_names_leaves_one_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    with whole_folder(place, "sign") as folder:
        (folder / "sign").write_text("old")
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    with whole_folder(place, "sign") as folder:
        (folder / "sign").write_text("new")
    monkeypatch.undo()
    assert (place / "sign").read_text() == "new"
    assert (tmp_path / "place.old" / "sign").read_text() == "old"


@pytest.mark.parametrize(
    ("path", "word"),
    [("a/b", "a/b"), ("a b", "'a b'"), ("it's", "'it'\"'\"'s'"), ("-x/y", "./-x/y"), ("$(x)", "'$(x)'")],
)
def test_paths_in_commands(path: str, word: str) -> None:
    assert shell_word(Path(path)) == word


def test_texts_of_several_lines() -> None:
    assert one_line("a\n\tb  c") == "a b c"
    assert one_line("x" * 10, 5) == "xxxx…"
