"""The studies and benchmarks: options, help, and what does them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from flows.base.option_kinds import (
    Count,
    DataSet,
    Density,
    OutFolder,
    Real,
    Seed,
    Seeds,
    Workers,
)
from flows.base.verb import Verb


@dataclass(frozen=True)
class Table:
    """Patterns × densities × basis or none, on one data set.

    Parameters
    ----------
    densities: kept fractions of the coefficients of the layers in between.
    seeds: trainings that each figure is the mean of.
    """

    data: DataSet = "digits"
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

    data: DataSet = "digits"
    config: str = "small"
    seeds: Seeds = 5
    bar: Annotated[float, Real(-100, 100)] = 1.0
    out: OutFolder = Path("build/accuracy")


@dataclass(frozen=True)
class Arithmetics:
    """The same network in five arithmetics, trained, run and counted."""

    data: DataSet = "digits"
    config: str = "small"
    seed: Seed = 1
    out: OutFolder = Path("build/arithmetics")


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


TABLE = Verb(
    "table",
    "study: patterns × densities × basis or none",
    Table,
    "flows.studies.study:pattern_table",
    takes="about an hour for each seed",
)
ACCURACY = Verb(
    "accuracy",
    "benchmark: accuracy over several seeds, against float",
    Accuracy,
    "flows.studies.study:accuracy_benchmark",
    {"bar": "largest loss of accuracy against float in any seed, in points"},
    takes="some 10 minutes for 5 seeds of digits",
)
ARITHMETICS = Verb(
    "arithmetics",
    "study: shift-adds with and without a basis, int8, rows of int8, rebuild first",
    Arithmetics,
    "flows.studies.arithmetics:arithmetics",
    takes="some 20 minutes; hours with --data fashion-mnist",
)
MUTATE = Verb(
    "mutate",
    "plant the bugs of tests/mutants: do the tests see each of them?",
    Mutate,
    "flows.studies.mutate.verb:mutate",
    {
        "only": "pattern of names (hw/*, *round*) or of files; all where none is given",
        "sample": "so many of them, drawn with --seed",
    },
    takes="hours for all of them, about a minute for each",
)
