"""Files of other tools: their packages are loaded when there is such a file, and not before."""

import re
from pathlib import Path

import pytest

from golden.frontend.files import LARGEST, READERS, is_foreign
from golden.frontend.onnx.model import OPSETS
from golden.frontend.onnx.operators import OPERATORS as ONNX
from golden.frontend.tflite.operators import OPERATORS as TFLITE

ROOT = Path(__file__).parents[3]


def test_readers_exist_and_are_chosen_by_ending() -> None:
    for module, _ in READERS.values():
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file()
    assert [is_foreign(it) for it in ("a/net.ONNX", "net.tflite", "x.pt2", "net.py:factory", "onnx")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_no_other_file_imports_their_packages() -> None:
    line = re.compile(r"^\s*(?:from|import) (?:golden\.frontend\.)?(onnx|tflite|google)\b", re.MULTILINE)
    found = {
        (str(path.parent.relative_to(ROOT)), name)
        for room in ("golden", "hw", "sim", "flows")
        for path in (ROOT / room).rglob("*.py")
        for name in line.findall(path.read_text())
    }
    assert found == {("golden/frontend/onnx", "onnx"), ("golden/frontend/tflite", "tflite")}


@pytest.mark.parametrize(("kind", "operators"), [("onnx", ONNX), ("tflite", TFLITE)])
def test_the_page_lists_what_is_read(kind: str, operators: dict[str, object]) -> None:
    page = (ROOT / "docs/networks.md").read_text()
    found = re.search(f"<!-- {kind} -->(.*?)<!-- /{kind} -->", page, re.DOTALL)
    assert found is not None
    assert found[1].replace("\n", " ").strip().split(", ") == sorted(operators)


def test_the_page_has_the_limits() -> None:
    page = (ROOT / "docs/networks.md").read_text()
    assert f"opset {OPSETS[0]} and later" in page
    assert f"larger than {LARGEST >> 20} MB" in page
    assert all(f"`{ending}`" in page for ending in READERS)
