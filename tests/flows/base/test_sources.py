"""What a digest of sources follows, and what it does not see."""

from pathlib import Path

import pytest

from flows.base import sources
from flows.base.roots import BOARD, DEMO, NORMS, REPORT, SYNTHESIS, TRAINING

FILES = {
    "flows/verb.py": "import golden.one\nfrom flows import other\n",
    "flows/other.py": "import golden.three\n",
    "flows/plain.v": "wire x;\n",
    "golden/__init__.py": "",
    "golden/one.py": "def f():\n    from golden.two import g\n    return g\n",
    "golden/two.py": "g = 'é'; h = 1\n",
    "golden/three.py": "",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def rewritten(root: Path, name: str, text: str) -> str:
    """The digest of the verb when a file has another text for a moment."""
    path = root / name
    path.write_text(text)
    sources._imports.cache_clear()
    sources._code.cache_clear()
    try:
        return sources.sources_digest(["flows.verb", "flows/plain.v"])
    finally:
        path.write_text(FILES[name])


def test_imports_are_followed_into_golden_and_hw_alone(root: Path) -> None:
    def names(*roots: str) -> set[str]:
        return {path.relative_to(root).as_posix() for path in sources.reached(roots)}

    assert names("flows.verb") == {"flows/verb.py", "golden/one.py", "golden/two.py"}
    assert names("flows.verb", "flows.other") >= {"flows/other.py", "golden/three.py"}
    assert names("flows/verb.py", "flows/plain.v") == {"flows/verb.py", "flows/plain.v"}
    with pytest.raises(ValueError, match=r"there is no 'flows\.gone'"):
        names("flows.gone")


def test_words_for_people_do_not_count(root: Path) -> None:
    before = rewritten(root, "golden/two.py", FILES["golden/two.py"])
    for text in (
        "# a comment\n\ng = 'é'; h = 1  # another\n",
        '"""A docstring\nof two lines."""\n\ng = \'é\'; h = 1\n"""Of an é attribute."""\n',
    ):
        assert rewritten(root, "golden/two.py", text) == before
    for name, text in (
        ("golden/two.py", "g = 'é'; h = 2\n"),
        ("golden/two.py", "g = '# no comment'; h = 1\n"),
        ("golden/one.py", FILES["golden/one.py"].replace("return g", "return g + g")),
        ("flows/plain.v", "wire y;\n"),
    ):
        assert rewritten(root, name, text) != before


def test_every_root_of_the_groups_exists() -> None:
    for roots in (SYNTHESIS, TRAINING, DEMO, NORMS, BOARD, REPORT):
        assert len(sources.sources_digest(roots)) == 16
    assert sources.ROOT / "hw/engine/engine.py" in sources.reached(DEMO)
    assert sources.ROOT / "hw/engine/engine.py" not in sources.reached(NORMS)
