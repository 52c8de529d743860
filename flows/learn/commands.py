"""The verbs of training on the device: options, help, and what does them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from flows.base.option_kinds import Choice, Count, Epochs, OutFolder, Seeds
from flows.base.verb import Verb

TASKS = ("classes", "data", "scratch.digits", "scratch.fashion-mnist")
LEARN = Path("build/learn")
IMAGES = 3000


@dataclass(frozen=True)
class LearnMeasure:
    """The rows of the table of one task.

    Parameters
    ----------
    seeds: trainings that each figure is the mean of; the start is the same for all.
    only: rules, separated by commas; all where it is empty.
    """

    task: Annotated[str, Choice(TASKS)]
    images: Count = IMAGES
    epochs: Epochs = 4
    seeds: Seeds = 3
    only: str = ""
    out: OutFolder = LEARN


LEARN_MEASURE = Verb(
    "learn measure",
    "the device's rule beside its controls, on one task",
    LearnMeasure,
    "flows.learn.measure:measure",
    {"task": ", ".join(TASKS), "only": "rules, separated by commas; all where empty"},
)
