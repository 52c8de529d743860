"""The verbs that a user calls on a network: options, help, and what does them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from flows.base.option_kinds import (
    Choice,
    Count,
    DataSet,
    Decibels,
    Density,
    OutFile,
    Output,
    ReadFile,
    Real,
    Seed,
    Share,
    Whole,
)
from flows.base.verb import Verb
from sim.backends.registry import BACKENDS

PATTERNS = ("elements", "rows", "rows2", "rows4", "rows8")
"""Single coefficients, rows of one filter, rows shared by 2, 4 or 8 filters."""


@dataclass(frozen=True)
class Demo:
    """The main job.

    Parameters
    ----------
    data: "digits" or "fashion-mnist".
    config: name of a configuration, or a .toml file.
    seed: of the initial weights and the order of training.
    images: test images that run through RTL; None for all of digits and 1,000 of Fashion-MNIST.
    out: folder of the results; None for build/demo, or build/fashion-mnist.
    """

    data: DataSet = "digits"
    config: str = "small"
    seed: Seed = 1
    images: Count | None = None
    out: Annotated[Path, Output(folder=True, sign="about.json")] | None = None

    @property
    def folder(self) -> Path:
        """Where the results go."""
        return self.out or Path("build") / ("demo" if self.data == "digits" else self.data)


@dataclass(frozen=True)
class Compress:
    """A user's own network, compressed.

    Parameters
    ----------
    module: "file.py:factory"; the factory takes nothing and returns a trained torch.nn.Module. Or a file of
        another tool, see `golden.frontend.files`.
    data: .npz file with `images` (float32, N×C×H×W) and, for re-training, `labels` (N); or the
        name of a data set, whose training images are taken.
    density: kept fraction of the coefficients; None for 0.2.
    budget: what the network may cost at most, instead of a density; see `golden.compress.Budget.parse`.
    pattern: one of PATTERNS.
    basis: False for a scale per filter instead of a basis.
    epochs: of re-training; 0 compresses without labels.
    shift: largest random shift of an image in re-training, in pixels.
    config: the accelerator that the network must fit, and whose cycles decide how layers are folded.
    tolerance: accuracy (without labels: agreement) that may be lost against the float network before the exit
        code is 1, 0…1.
    """

    module: str
    data: str
    out: OutFile = Path("build/network.net")
    density: Density | None = None
    budget: str | None = None
    pattern: Annotated[str, Choice(PATTERNS)] = "elements"
    basis: bool = True
    epochs: Annotated[int, Whole(0, 100_000)] = 8
    shift: Annotated[int, Whole(0, 64)] = 0
    seed: Seed = 1
    config: str = "small"
    tolerance: Annotated[float, Real(0, 1)] = 0.1


@dataclass(frozen=True)
class Layers:
    """The operations that a network may consist of."""


@dataclass(frozen=True)
class Compile:
    """A network file, compiled for one configuration.

    Parameters
    ----------
    side: images that a run takes, side by side, see `golden.graph.side`.
    """

    network: ReadFile
    config: str = "small"
    side: Count = 1
    out: OutFile = Path("build/program.ldp")


@dataclass(frozen=True)
class Run:
    """A program, run on images.

    Parameters
    ----------
    data: as for Compress, but the test images of a named data set; labels are optional.
    on: one of BACKENDS.
    images: the first so many; None for all.
    skip: skip zero input rows.
    snr, changed: how near it must be to the float networks, see `golden.fidelity.Bounds`.
    """

    program: ReadFile
    data: str
    on: Annotated[str, Choice(tuple(BACKENDS))] = "compiled"
    images: Count | None = None
    skip: bool = True
    snr: Decibels = 15.0
    changed: Share = 0.1


@dataclass(frozen=True)
class Verilog:
    """A unit of a configuration; `unit` is a name of `flows.base.units`."""

    config: str = "small"
    unit: str = "accelerator"
    out: OutFile = Path("build/accelerator.v")


@dataclass(frozen=True)
class Handoff:
    """A folder that proves a program with Icarus alone; `images`, `data`, `snr`, `changed` as for Run."""

    program: ReadFile
    data: str
    images: Count = 2
    out: Annotated[Path, Output(folder=True, sign="filelist.f")] = Path("build/handoff")
    snr: Decibels = 15.0
    changed: Share = 0.1


DEMO = Verb(
    "demo",
    "the main job: train, compress, compile, run on RTL, compare, report",
    Demo,
    "flows.user.demo:demo_verdict",
    takes="2 to 5 minutes; some 20 with --data fashion-mnist",
)
COMPRESS = Verb(
    "compress",
    "compress your own network: module.py:factory or an ONNX, TFLite or torch.export file → network file",
    Compress,
    "flows.user.own_compress:compress_own",
    {
        "basis": "a basis (SmartDeal), or a scale per filter",
        "budget": "what it may cost at most, instead of a density: '500k cycles' of an image, '1.8 bits' a "
        "weight, or '1 point' of accuracy; the densities of the layers follow",
        "density": "kept fraction of the coefficients; 0.2 where nothing is said",
        "module": "FILE.py:FACTORY; the factory takes nothing and returns a trained nn.Module. "
        "Or an .onnx, .tflite or .pt2 file",
        "pattern": "which coefficients are dropped together",
        "shift": "pixels that images are moved by at random in re-training, as in the network's own training",
        "tolerance": "accuracy that may be lost against the float network before the exit code is 1 (1: any)",
    },
    takes="seconds without re-training, minutes with it: an epoch of 1,000 small images takes a second",
)
LAYERS = Verb(
    "layers",
    "what a network may consist of, with the limits of each operation",
    Layers,
    "flows.user.layers:layers",
)
COMPILE = Verb(
    "compile",
    "network file → program file",
    Compile,
    "flows.user.own:compile_own",
    {
        "network": "network file, made by compress",
        "side": "images that a run takes, side by side; above 1 only for networks of linear layers",
    },
)
RUN = Verb(
    "run",
    "run a program on images; compare with golden, reference and float network",
    Run,
    "flows.user.own:run_own",
    {"on": "what runs it: " + ", ".join(BACKENDS), "skip": "skip zero input rows"},
    takes="seconds; minutes where compiled or verilator first builds the simulator of a configuration",
)
VERILOG = Verb(
    "verilog", "write the accelerator's Verilog, or a unit's", Verilog, "flows.user.verilog:verilog"
)
HANDOFF = Verb(
    "handoff",
    "write a folder that proves a program with Icarus alone",
    Handoff,
    "flows.user.own:handoff_own",
)
