"""The verbs of training on the device: options, help, and what does them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from flows.base.option_kinds import (
    Choice,
    Count,
    DataSet,
    Epochs,
    FoundFile,
    OutFolder,
    Seed,
    Seeds,
    Share,
    Whole,
)
from flows.base.verb import Verb

TASKS = ("classes", "data", "scratch.digits", "scratch.fashion-mnist")
LEARN = Path("build/learn")
DEVICE, DEVICE_ABOUT = "device.json", "device-about.json"
"""What `learn device` leaves in its folder: figures, and what they were measured on."""
REGROW = 0.3
"""Share of the kept codes whose places change at first, where masks change."""
Rate = Annotated[int, Whole(-24, 4)]
Batch = Annotated[int, Whole(1, 4096)]
Blocks = Annotated[int, Whole(0, 1000)]


@dataclass(frozen=True)
class LearnClasses:
    """Five classes of Fashion-MNIST are known, the device learns the other five.

    Parameters
    ----------
    images: to learn from.  seed: of the start, the order and the random bits.
    rate: L, log2 of the rate of codes at the start.
    regrow: share of the kept codes whose places change at first; 0: masks stay.
    last: blocks that learn, the last ones; 0 for all.
    memory: bytes that a step may take, such as 64K: chooses what learns, in place of `last`; "" for any.
    fresh: begin anew; else a training that was cut goes on.
    """

    images: Count = 3000
    epochs: Epochs = 4
    batch: Batch = 32
    seed: Seed = 1
    rate: Rate = -2
    regrow: Share = 0.0
    last: Blocks = 0
    memory: str = ""
    fresh: bool = False
    out: OutFolder = LEARN

    @property
    def task(self) -> str:
        """Name of the task."""
        return "classes"


@dataclass(frozen=True)
class LearnData(LearnClasses):
    """Fashion-MNIST is known, the device learns MNIST; the rest as for LearnClasses."""

    images: Count = 3500

    @property
    def task(self) -> str:
        """Name of the task."""
        return "data"


@dataclass(frozen=True)
class LearnScratch(LearnClasses):
    """Nothing is known; `data` says what is learnt, the rest as for LearnClasses."""

    data: DataSet = "digits"
    images: Count = 1184
    epochs: Epochs = 12
    regrow: Share = REGROW

    @property
    def task(self) -> str:
        """Name of the task."""
        return f"scratch.{self.data}"


@dataclass(frozen=True)
class LearnMeasure:
    """The rows of the table of one task.

    Parameters
    ----------
    seeds: trainings that each figure is the mean of; the start is the same for all.
    only: rules, separated by commas; all where it is empty.
    """

    task: Annotated[str, Choice(TASKS)]
    images: Count = 3000
    epochs: Epochs = 4
    seeds: Seeds = 3
    only: str = ""
    out: OutFolder = LEARN


@dataclass(frozen=True)
class LearnDevice:
    """Steps on the RTL of a device, in the compiled simulator, beside golden.

    Parameters
    ----------
    steps: of training.  batch: images of each.  images: to learn from.
    last: blocks that learn, the last ones; 0 for all.
    """

    task: Annotated[str, Choice(("scratch.digits",))] = "scratch.digits"
    steps: Count = 100
    batch: Batch = 32
    last: Blocks = 0
    images: Count = 1184
    seed: Seed = 1
    out: OutFolder = LEARN


@dataclass(frozen=True)
class LearnReport:
    """The table of all rows that were measured, and what memory, cycles and energy a step takes.

    Parameters
    ----------
    rows: folder of the rows that LearnMeasure left.  synth: folder that `./run synth` left.
    """

    rows: FoundFile = LEARN / "rows"
    synth: FoundFile = Path("build/synth")
    out: OutFolder = LEARN


WORDS: Mapping[str, str] = {
    "batch": "images of a step; 1 with the running statistics",
    "fresh": "begin anew, where a training that was cut would go on",
    "last": "blocks that learn, the last ones; 0 for all",
    "memory": "bytes that a step may take, such as 64K: chooses what learns",
    "rate": "log2 of the rate of codes at the start",
    "regrow": "share of the kept codes whose places change at first; 0: masks stay",
}

LEARN_CLASSES = Verb(
    "learn classes",
    "five classes are known, the device learns five more",
    LearnClasses,
    "flows.learn.run:learn_classes",
    WORDS,
    takes="some minutes; a training that was cut goes on",
)
LEARN_DATA = Verb(
    "learn data",
    "Fashion-MNIST is known, the device learns MNIST",
    LearnData,
    "flows.learn.run:learn_data",
    WORDS,
    takes="some minutes; a training that was cut goes on",
)
LEARN_SCRATCH = Verb(
    "learn scratch",
    "the device learns from nothing",
    LearnScratch,
    "flows.learn.run:learn_scratch",
    WORDS,
    takes="some minutes; a training that was cut goes on",
)
LEARN_MEASURE = Verb(
    "learn measure",
    "the device's rule beside its controls, on one task",
    LearnMeasure,
    "flows.learn.measure:measure",
    {"task": ", ".join(TASKS), "only": "rules, separated by commas; all where empty"},
    takes="about an hour for a task and its controls",
)
LEARN_DEVICE = Verb(
    "learn device",
    "steps on the RTL of a device, each compared with golden",
    LearnDevice,
    "flows.learn.device:learn_device",
    {
        "task": "what is learnt",
        "steps": "steps of training",
        "batch": "images of a step",
        "last": WORDS["last"],
    },
    takes="some 10 minutes, half of them to build the simulator",
)
LEARN_REPORT = Verb(
    "learn report",
    "the table of what was measured; memory, cycles and energy of a step",
    LearnReport,
    "flows.learn.report:report",
    {"rows": "folder of the rows that learn measure left"},
    takes="some minutes the first time",
)
GROUP = "training on the device"
"""Help of the verb that stands before these."""
