# amaranth: UnusedElaboratable=no
"""The site: the drawings are those of the code, the pages are built, and a broken reference fails."""

import re
from math import prod
from pathlib import Path

import pytest
from amaranth.hdl import Value
from amaranth.lib.wiring import In

from flows.base.tools import MissingTool
from flows.site import verb
from flows.site.commands import Docs
from flows.site.drawings import DRAWINGS, drawn
from flows.site.verb import build, docs
from flows.site.waves import Waves, drawing, simulate
from flows.site.ways import WAYS, said, way
from golden.spec.config import TINY
from golden.spec.errors import ErrorCode, LightDealError
from hw.core.accelerator import Accelerator
from tests.selection import first_or_long

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "docs"


@pytest.fixture(scope="module")
def waves() -> Waves:
    return simulate()


def test_the_drawings_are_those_of_the_code() -> None:
    """Where this fails, `./run docs` draws them anew."""
    kept = {path.name: path.read_text() for path in (PAGES / DRAWINGS).iterdir()}
    assert kept == drawn(ROOT)


def test_the_simulation_tells_what_the_page_says(waves: Waves) -> None:
    ports, marks = waves.ports, waves.marks
    assert all(len(values) == marks["end"] for values in ports.values())
    sent = [it for it in range(marks["image"], marks["short"]) if ports["i_image.valid"][it]]
    assert ports["i_image.ready"][sent[-1]]
    assert [ports["i_image.payload.last"][it] for it in sent] == [0, 0, 0, 1]
    assert not ports["busy"][sent[-1]]
    assert ports["busy"][sent[-1] + 1]
    taken = [
        it
        for it in range(marks["image"], marks["short"])
        if ports["o_result.valid"][it] and ports["o_result.ready"][it]
    ]
    assert [ports["o_result.payload.last"][it] for it in taken] == [0, 0, 0, 1]
    # A word waits through the pause.
    assert any(
        ports["o_result.valid"][it] and not ports["o_result.ready"][it] for it in range(marks["short"])
    )
    after = ports["error"][marks["short"] :]
    assert ErrorCode.SHORT_IMAGE in after
    assert after[-1] == ErrorCode.NONE
    assert set(ports["error"][: marks["short"]]) == {ErrorCode.NONE}


def test_a_drawing_shows_levels_numbers_and_where_nobody_may_look() -> None:
    ports = {
        "a.valid": (0, 1, 1),
        "a.payload.last": (1, 0, 1),
        "cycles": (0, 12, 12),
    }
    text = drawing("it", Waves(ports, {}), list(ports), 0, 3)
    assert len(re.findall('stroke="#bbb"', text)) == 1
    lines = [
        [tuple(map(float, it.split(","))) for it in line.split()]
        for line in re.findall('points="(.*?)"', text)
    ]
    assert [y for _, y in lines[0]] == [48, 48, 34, 34, 34, 34]
    assert [y for _, y in lines[1]] == [74, 74, 60, 60]
    assert re.findall(r'font-size="10">(\d+)</text>', text) == ["0", "12"]


def test_the_table_of_ports_is_the_accelerators() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (in|out) \| (.*?) bits? \|", (PAGES / "integration.md").read_text(), re.M
    )
    sizes = {"`lanes`": TINY.lanes, "log2 `feature_words`": TINY.feature_words.bit_length() - 1}

    def bits(text: str) -> int:
        for name, value in sizes.items():
            text = text.replace(name, str(value))
        product, _, more = text.partition(" + ")
        return prod(int(it) for it in product.split("·")) + int(more or 0)

    dut = Accelerator(TINY)
    ports = {
        ("__".join(str(part) for part in path), "in" if member.flow is In else "out", len(Value.cast(port)))
        for path, member, port in dut.signature.flatten(dut)
    }
    clock = {("clk", "in", 1), ("rst", "in", 1)}
    assert {(name, way, bits(text)) for name, way, text in rows} == ports | clock


@pytest.mark.parametrize("station", [it for stations in WAYS.values() for it in stations])
def test_each_station_says_what_it_is(station: str) -> None:
    assert said(station).endswith(".")
    drawn = way("It", [station])
    assert "`" not in drawn
    assert drawn.count('<tspan font-family="monospace">') == said(station).count("`") // 2


def test_the_site_is_built_and_every_page_is_in_it(tmp_path: Path) -> None:
    build(PAGES, tmp_path / "site")
    names = [
        path.relative_to(PAGES).with_suffix(".html")
        for path in PAGES.rglob("*.md")
        if "results" not in path.parts
    ]
    assert [str(name) for name in names if not (tmp_path / "site" / name).is_file()] == []
    api = (tmp_path / "site/api/run.html").read_text()
    assert "Runs images through a Program on a backend." in api
    assert "sim.run.run" in api


@pytest.mark.parametrize(
    ("line", "complaint"),
    first_or_long(
        [
            ("[a page](nowhere.md)", "nowhere.md"),
            ("![a picture](drawings/none.svg)", "none.svg"),
            ("[a part](index.md#none)", "none"),
        ]
    ),
)
def test_a_broken_reference_fails(tmp_path: Path, line: str, complaint: str) -> None:
    pages = tmp_path / "docs"
    pages.mkdir()
    (pages / "conf.py").write_text('extensions = ["myst_parser"]\nmyst_heading_anchors = 3\n')
    (pages / "index.md").write_text("# It\n\n[a part](index.md#it)\n")
    build(pages, tmp_path / "site")
    (pages / "index.md").write_text(f"# It\n\n{line}\n")
    with pytest.raises(LightDealError, match=f"the site was not built:\n(.|\n)*{complaint}"):
        build(pages, tmp_path / "site")


def test_what_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LightDealError, match=r"no docs/conf\.py there; expected a checkout"):
        docs(Docs(root=tmp_path))


def test_without_sphinx_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "find_spec", lambda _: None)
    with pytest.raises(MissingTool, match=r"pip install 'lightdeal\[docs\]'"):
        docs(Docs(root=ROOT))
