"""The options of every flow, as values: same options, same results."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from flows.option_kinds import (
    Count,
    Decibels,
    Density,
    Epochs,
    FoundFile,
    OutFile,
    OutFolder,
    Output,
    ReadFile,
    Real,
    Seed,
    Seeds,
    Share,
    Whole,
    Workers,
)

DATA = ("digits", "fashion-mnist")
RTL_SIMULATORS = ("both", "icarus", "verilator")
BACKENDS = ("golden", "amaranth", "icarus", "verilator", "cxxrtl")
PATTERNS = ("elements", "rows", "rows2", "rows4", "rows8")
"""Single coefficients, rows of one filter, rows shared by 2, 4 or 8 filters."""

TARGETS = ("ecp5", "ice40", "gowin", "xilinx", "osu018")
"""What synthesis maps to; osu018 stands for an ASIC."""


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

    data: str = "digits"
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
    module: "file.py:factory"; the factory takes nothing and returns a trained torch.nn.Module.
    data: .npz file with `images` (float32, N×C×H×W) and, for re-training, `labels` (N); or the
        name of a data set, whose training images are taken.
    density: kept fraction of the coefficients.
    pattern: one of PATTERNS.
    basis: False for a scale per filter instead of a basis.
    epochs: of re-training; 0 compresses without labels.
    config: the accelerator that the network must fit, and whose cycles decide how layers are folded.
    tolerance: accuracy (without labels: agreement) that may be lost against the float network before the exit
        code is 1, 0…1.
    """

    module: str
    data: str
    out: OutFile = Path("build/network.net")
    density: Density = 0.2
    pattern: str = "elements"
    basis: bool = True
    epochs: Annotated[int, Whole(0, 100_000)] = 8
    seed: Seed = 1
    config: str = "small"
    tolerance: Annotated[float, Real(0, 1)] = 0.1


@dataclass(frozen=True)
class Layers:
    """The operations that a network may consist of."""


@dataclass(frozen=True)
class Compile:
    """A network file, compiled for one configuration."""

    network: ReadFile
    config: str = "small"
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
    on: str = "cxxrtl"
    images: Count | None = None
    skip: bool = True
    snr: Decibels = 15.0
    changed: Share = 0.1


@dataclass(frozen=True)
class Verilog:
    """A unit of a configuration; `unit` is a name of `flows.units`."""

    config: str = "small"
    unit: str = "accelerator"
    out: OutFile = Path("build/accelerator.v")


@dataclass(frozen=True)
class Synth:
    """What a unit of a configuration costs on a target; without any option but `out`, all of it.

    Parameters
    ----------
    config, target, unit: None stand for small, ecp5 and accelerator; units are names of `flows.units`.
    dsp: multipliers may use DSP blocks.
    liberty: Liberty file in the place of osu018's.
    blocks: count by block, too; takes a second run.
    route: place and route, too.
    timing: static timing, too (of an ASIC).
    power: program of `config` whose first layers an engine runs in gates, for its power, or None.
    data: data set of the program's image.
    out: folder of the runs and results.
    """

    config: str | None = None
    target: str | None = None
    unit: str | None = None
    dsp: bool = True
    liberty: FoundFile | None = None
    blocks: bool = True
    route: bool = False
    timing: bool = False
    power: FoundFile | None = None
    data: str = "digits"
    out: OutFolder = Path("build/synth")

    @property
    def whole(self) -> bool:
        """Nothing but the place is asked for: all figures are wanted."""
        return self == Synth(out=self.out)

    @property
    def also(self) -> tuple[Path, ...]:
        """Where else results go."""
        return (Path("build"),) if self.whole else ()


@dataclass(frozen=True)
class Handoff:
    """A folder that proves a program with Icarus alone; `images`, `data`, `snr`, `changed` as for Run."""

    program: ReadFile
    data: str
    images: Count = 2
    out: Annotated[Path, Output(folder=True, sign="filelist.f")] = Path("build/handoff")
    snr: Decibels = 15.0
    changed: Share = 0.1


@dataclass(frozen=True)
class Board:
    """A self-test of a program on an FPGA board; `images`, `data`, `snr` and `changed` as for Run.

    Parameters
    ----------
    board: a name of `flows.board.boards`.
    """

    program: ReadFile
    data: str
    images: Count = 8
    board: str = "ulx3s"
    out: Annotated[Path, Output(folder=True, sign="about.json")] = Path("build/board")
    snr: Decibels = 15.0
    changed: Share = 0.1
    also: ClassVar[tuple[Path, ...]] = (Path("build/synth"),)


@dataclass(frozen=True)
class Table:
    """Patterns × densities × basis or none, on one data set.

    Parameters
    ----------
    densities: kept fractions of the coefficients of the layers in between.
    seeds: trainings that each figure is the mean of.
    """

    data: str = "digits"
    config: str = "small"
    densities: tuple[Density, ...] = (0.4, 0.3, 0.2, 0.15)
    seeds: Seeds = 1
    out: OutFolder = Path("build/table")


@dataclass(frozen=True)
class Accuracy:
    """Accuracy over several seeds, against float with as many epochs.

    Parameters
    ----------
    bar: largest loss of accuracy of SmartDeal against float in any seed, in points.
    """

    data: str = "digits"
    config: str = "small"
    seeds: Seeds = 5
    bar: Annotated[float, Real(-100, 100)] = 1.0
    out: OutFolder = Path("build/accuracy")


@dataclass(frozen=True)
class Mutate:
    """The planted bugs of tests/mutants, each against the tests that must see it.

    Parameters
    ----------
    only: pattern (*, ?) of names such as "hw/rounding*", or of files; None for all.
    sample: so many of them, drawn with `seed`; None for all.
    workers: copies of the repository side by side; None for one on each core.
    """

    only: str | None = None
    sample: Count | None = None
    seed: Seed = 1
    workers: Workers | None = None
    out: OutFolder = Path("build/mutate")


@dataclass(frozen=True)
class Arithmetics:
    """The same network in five arithmetics, trained, run and counted."""

    data: str = "digits"
    config: str = "small"
    seed: Seed = 1
    out: OutFolder = Path("build/arithmetics")


@dataclass(frozen=True)
class Bench:
    """Speed of the simulators on a whole network with random weights."""

    config: str = "small"
    images: Count = 20
    out: OutFolder = Path("build/bench")


LIGHTNORM_RUNS = Path("docs/results/lightnorm")
"""The trainings that the report of LightNorm stands on; kept in the repository."""


@dataclass(frozen=True)
class LightNormScreen:
    """Every kind of LightNorm that is tried, once.

    Parameters
    ----------
    images: of Fashion-MNIST, for training.
    workers: trainings side by side; None for one on each core.
    out: folder that keeps finished trainings; elsewhere than in LIGHTNORM_RUNS they are compared with
        those.
    """

    images: Count = 8_000
    epochs: Epochs = 5
    workers: Workers | None = None
    out: OutFolder = LIGHTNORM_RUNS


@dataclass(frozen=True)
class LightNormTrain:
    """The chosen LightNorm and batch norm, with the seeds 1…seeds; the rest as for LightNormScreen."""

    images: Count = 20_000
    epochs: Epochs = 10
    seeds: Seeds = 3
    workers: Workers | None = None
    out: OutFolder = LIGHTNORM_RUNS


@dataclass(frozen=True)
class LightNormRtl:
    """The unit's Verilog against the integer model.

    Parameters
    ----------
    beats: of each configuration and simulator, at least.  seed: of the values and the stalls.
    simulator: one, or both.
    workers: simulations side by side; None for one on each core.
    out: metrics; finished runs are kept in the folder `rtl` beside it.
    """

    beats: Count = 100_000
    seed: Seed = 1
    simulator: str = "both"
    workers: Workers | None = None
    out: OutFile = Path("build/lightnorm/rtl.json")


@dataclass(frozen=True)
class LightNormReport:
    """Tables, plots and metrics of LightNorm beside its rivals.

    Parameters
    ----------
    runs: folder of the kept trainings.
    rtl: metrics that the RTL runs of the unit left.
    synth: folder of the runs of synthesis, as for Synth.
    """

    runs: FoundFile = LIGHTNORM_RUNS
    rtl: FoundFile = Path("build/lightnorm/rtl.json")
    synth: OutFolder = Path("build/synth")
    out: OutFolder = Path("build/lightnorm")


@dataclass(frozen=True)
class FullReport:
    """What the accelerators cost: metrics.json, report.md and report.html in `build`/report.

    Parameters
    ----------
    measure: first measure what is missing or stale; else write down what there is.
    build: folder of the results of all verbs; measurements go into "build".
    """

    measure: bool = True
    build: OutFolder = Path("build")
    also: ClassVar[tuple[Path, ...]] = (Path("build"),)


@dataclass(frozen=True)
class ReadmeReport:
    """The figures in README.md and docs/, from what `build` holds and docs/results keeps.

    Parameters
    ----------
    build: folder of the results of all verbs.
    root: of the repository, with README.md and docs.
    """

    build: FoundFile = Path("build")
    root: OutFolder = Path()


@dataclass(frozen=True)
class StaleReport:
    """The kept figures that were measured on other code; `root` as for ReadmeReport."""

    root: FoundFile = Path()


AREA_MODEL = Path(__file__).parent / "explore" / "area.json"
"""The fitted area model; kept in the repository."""


@dataclass(frozen=True)
class Area:
    """The area model, fitted to syntheses.

    Parameters
    ----------
    model: file that it is written to.
    synth: folder of the runs of synthesis, as for Synth.
    workers: syntheses side by side; None for one on each core.
    out: folder of its tables and metrics.
    """

    model: OutFile = AREA_MODEL
    synth: OutFolder = Path("build/synth")
    workers: Workers | None = None
    out: OutFolder = Path("build/explore")


@dataclass(frozen=True)
class Explore:
    """A sweep over configurations, to a Pareto front of accuracy, cycles, area and energy.

    Parameters
    ----------
    points: configurations with a network each; a larger number only adds to a smaller one's.
    axes: TOML file of the values to draw from, for the axes that `flows.explore.space.Axes` names;
        None for its own.
    densities: kept fractions that a network is trained at, with a basis and without one.
    seed: of the training, and of the draw of the points.
    workers: processes on this machine; None for one on each core.
    cluster: address of a Dask scheduler whose workers measure the points, or None.
    confirm: points of the front that are synthesised.
    model: file of the area model.
    synth: folder of the runs of synthesis, as for Synth.
    """

    data: str = "digits"
    points: Count = 1000
    axes: ReadFile | None = None
    densities: tuple[Density, ...] = (0.3, 0.2, 0.1, 0.05)
    seed: Seed = 1
    workers: Workers | None = None
    cluster: str | None = None
    confirm: Annotated[int, Whole(0, 1000)] = 0
    model: FoundFile = AREA_MODEL
    synth: OutFolder = Path("build/synth")
    out: OutFolder = Path("build/explore")
