"""`lightdeal learn measure`: every row of the table, those that are kept left as they are."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from flows.base.progress import bar, say
from flows.learn.commands import LearnMeasure
from flows.learn.floats import RATES
from flows.learn.rows import Row, keep_row, kept_row, run_row
from flows.learn.tasks import Task, task
from golden.learning import Plan

MASTER_RATES = (1.0,)


@dataclass(frozen=True)
class Wanted:
    """A column of the table: what learns by which rule, the rates that it may choose from."""

    trained: str
    rule: str
    rates: tuple[float, ...]


def wanted(found: Task) -> Iterator[Wanted]:
    """All columns of a task."""
    codes = tuple(float(rate) for rate in found.rates)
    yield Wanted("all", "device", codes)
    yield Wanted("all", "masked", RATES)
    yield Wanted("all", "dense", RATES)
    if not found.name.startswith("scratch"):
        yield Wanted("last", "device", codes)
        yield Wanted("last", "masked", RATES)
        yield Wanted("last", "dense", RATES)
        yield Wanted("head", "device", codes[:1])
        yield Wanted("norms", "device", codes[:1])
    yield Wanted("all", "truncation", codes[-1:])
    yield Wanted("all", "masters", MASTER_RATES)


def measure(options: LearnMeasure) -> str:
    """Trains what is missing; returns what was done. The first seed chooses the rate, on held-out images."""
    torch.set_num_threads(1)
    folder = options.out / "rows"
    with bar("start") as progress:
        found = task(options.task, options.out, 1, options.images, progress)
    said = []
    for it in wanted(found):
        if options.only and it.rule not in options.only.split(","):
            continue
        tried = [_row(options, folder, found, it, rate, 1) for rate in it.rates]
        best = max(tried, key=lambda row: row.held)
        rows = [best, *(_row(options, folder, found, it, best.rate, seed) for seed in _others(options, it))]
        mean = sum(row.accuracy for row in rows) / len(rows)
        said.append(f"{found.name}, {it.trained}, {it.rule}: {100 * mean:.2f} %, rate {best.rate:g}")
        say(said[-1])
    return "\n".join(said)


def _others(options: LearnMeasure, it: Wanted) -> range:
    """Seeds beside the first; controls that only show a difference take one."""
    return range(2, 1 if it.rule in ("truncation", "masters") else options.seeds + 1)


def _row(options: LearnMeasure, folder: Path, found: Task, it: Wanted, rate: float, seed: int) -> Row:
    epochs = options.epochs
    name = Row(
        found.name, it.trained, it.rule, seed, rate, len(found.train), epochs, Plan(1).batch, 0, 0, 0, 0
    )
    row = kept_row(folder, name)
    if row is None:
        with bar(name.name) as progress:
            row = run_row(found, it.trained, it.rule, rate, seed, epochs, progress)
        keep_row(folder, row)
        say(f"{row.name}: held {100 * row.held:.2f}, test {100 * row.accuracy:.2f}, loss {row.loss:.3f}")
    return row
