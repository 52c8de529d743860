"""The verbs about LightNorm: options, help, and what does them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from flows.base.option_kinds import (
    Choice,
    Count,
    Epochs,
    FoundFile,
    OutFile,
    OutFolder,
    Seed,
    Seeds,
    Workers,
)
from flows.base.verb import Verb
from sim.backends.simulators import SIMULATORS

LIGHTNORM_RUNS = Path("docs/results/lightnorm")
"""The trainings that the report of LightNorm stands on; kept in the repository."""

RTL_SIMULATORS = ("both", *SIMULATORS)


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
    simulator: Annotated[str, Choice(RTL_SIMULATORS)] = "both"
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


LIGHTNORM_SCREEN = Verb(
    "lightnorm screen",
    "train each kind of LightNorm once, briefly",
    LightNormScreen,
    "flows.studies.lightnorm.study:screen",
    takes="hours; what is finished is kept",
)
LIGHTNORM_TRAIN = Verb(
    "lightnorm train",
    "train LightNorm and batch norm, several seeds",
    LightNormTrain,
    "flows.studies.lightnorm.study:confirm",
    takes="hours; what is finished is kept",
)
LIGHTNORM_RTL = Verb(
    "lightnorm rtl",
    "the unit's Verilog against the integer model, on two simulators",
    LightNormRtl,
    "flows.studies.lightnorm.rtl:rtl",
    {
        "beats": "beats of each configuration, at least",
        "simulator": "Verilog simulator: both, icarus or verilator",
    },
    takes="some 20 minutes; what is finished is kept",
)
REPORT_LIGHTNORM = Verb(
    "report lightnorm",
    "LightNorm: accuracy, traffic, area",
    LightNormReport,
    "flows.studies.lightnorm.report:report",
    {"rtl": "metrics of the RTL runs of the unit", "runs": "folder of the kept trainings"},
    takes="minutes where nothing is synthesised yet",
)
GROUP = "trainings beside batch norm and Verilog beside the model; finished runs are kept"
"""Help of the verb lightnorm, which does not stand alone."""
