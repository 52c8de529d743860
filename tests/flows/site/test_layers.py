"""Graphs as drawings: what stands above what, what is plain, and what the source says."""

import re
from pathlib import Path

from flows.site.arrows import folder_arrows, plain, room_arrows, wires
from flows.site.layers import graph, rows_of


def test_each_stands_below_what_leads_to_it() -> None:
    names = ("a", "b", "c", "d")
    assert rows_of(names, {("a", "b"), ("b", "c"), ("a", "c"), ("a", "d")}) == [["a"], ["b", "d"], ["c"]]
    # An arrow that closes a circle does not count.
    assert rows_of(names, {("a", "b"), ("b", "a"), ("b", "c"), ("c", "d")}) == [["a"], ["b"], ["c"], ["d"]]


def test_an_arrow_that_others_make_plain_is_left_out() -> None:
    assert plain({("a", "b"), ("b", "c"), ("a", "c"), ("a", "d")}) == {("a", "b"), ("b", "c"), ("a", "d")}


def test_a_drawing_has_a_box_for_each_and_a_line_for_each_arrow() -> None:
    arrows = {("a", "b"), ("b", "c"), ("c", "a"), ("b", "d")}
    text = graph("it & more", [["a"], ["b"], ["c", "d"]], arrows)
    assert re.findall(r">(\w)</text>", text) == ["a", "b", "c", "d"]
    assert len(re.findall(r'<path class="a"', text)) == 3
    assert len(re.findall(r'<path class="a b"', text)) == 1  # upwards
    assert "it &amp; more" in text


def test_an_arrow_passes_rows_between_the_boxes() -> None:
    rows = [["top", "another"], ["one", "two", "three"], ["four"], ["end"]]
    arrows = {("top", "two"), ("two", "four"), ("four", "end"), ("top", "end"), ("end", "another")}
    text = graph("it", rows, arrows)
    boxes = [
        tuple(map(float, it)) for it in re.findall(r'<rect x="(\S+)" y="(\S+)" width="(\S+)" height', text)
    ]
    # Upright where they pass a row: M x,y C … x,y V y …
    passed = [
        (float(x), (float(y1) + float(y2)) / 2)
        for x, y1, y2 in re.findall(r" (\d+\.\d),(\d+\.\d) V(\d+\.\d)", text)
    ]
    middles = sorted({round(y + 15, 1) for _, y, _ in boxes[2:6]})
    assert sorted(y for _, y in passed) == sorted(2 * middles)
    assert not [
        (x, y)
        for x, y in passed
        for left, top, wide in boxes
        if left <= x <= left + wide and top <= y <= top + 30
    ]


def test_arrows_are_those_of_the_source(tmp_path: Path) -> None:
    house = {
        "tests/test_it.py": "import flows.x.y",
        "flows/x/y.py": "from golden.spec.z import A\nfrom flows.w import v\nimport numpy",
        "flows/w/v.py": "from golden import graph",
        "sim/a.py": "",
        "hw/a.py": "",
        "golden/graph/a.py": "def late():\n    from golden.spec import z",
        "golden/spec/z.py": "",
    }
    for name, text in house.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert room_arrows(tmp_path) == {
        ("tests", "flows"),
        ("flows", "golden.spec"),
        ("flows", "golden"),
        ("golden", "golden.spec"),
    }
    assert folder_arrows(tmp_path, "flows") == {("x", "w")}
    assert folder_arrows(tmp_path, "golden") == {("graph", "spec")}


def test_wires_are_those_that_are_connected(tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text(
        "wiring.connect(m, wiring.flipped(self.i_image), host.i_image)\n"
        "wiring.connect(m, it.rows, window.rows[number])\n"
        "wiring.connect(m, array.operands.o, output.i)\n"
        "fan_out(m, output.write, [arbiter.write, wiring.flipped(self.trace)])\n"
        "other(m, a.x, b.y)\n"
    )
    assert wires([tmp_path / "it.py"]) == {
        ("i_image", "host"),
        ("engine", "window"),
        ("operands", "output"),
        ("output", "arbiter"),
        ("output", "trace"),
    }
