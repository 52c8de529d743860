"""Files of other tools: their packages are loaded when there is such a file, and not before."""

import re
from pathlib import Path

from golden.frontend.files import READERS, is_foreign

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
