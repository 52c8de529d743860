"""`lightdeal learn measure`: every row of the table, those that are kept left as they are."""

from pathlib import Path

import torch

from flows.base.progress import bar, say
from flows.learn.commands import LearnMeasure
from flows.learn.floats import RATES
from flows.learn.rows import (
    CONTROLS,
    FLOAT_RULES,
    RULES,
    Row,
    blank_row,
    columns,
    keep_row,
    kept_row,
    run_row,
)
from flows.learn.tasks import Task, task
from golden.spec.errors import LightDealError

MASTER_RATES = (1.0,)


def rates(found: Task, trained: str, rule: str) -> tuple[float, ...]:
    """The rates that a column may choose from; controls that only show a difference have one."""
    codes = tuple(float(rate) for rate in found.rates)
    if rule in FLOAT_RULES:
        return RATES
    if rule == "masters":
        return MASTER_RATES
    if rule in CONTROLS:
        return codes[-1:]
    return codes if trained in ("all", "last") else codes[:1]


def measure(options: LearnMeasure) -> str:
    """Trains what is missing; returns what was done. The first seed chooses the rate, on held-out images."""
    torch.set_num_threads(1)
    only = options.only.split(",") if options.only else list(RULES)
    if unknown := [rule for rule in only if rule not in RULES]:
        raise LightDealError(f"only: {unknown[0][:40]!r}; legal: {', '.join(RULES)}, separated by commas")
    folder = options.out / "rows"
    with bar("start") as progress:
        found = task(options.task, options.out, 1, options.images, progress)
    said = []
    for trained, rule in columns(options.task):
        if rule not in only:
            continue
        tried = [_row(options, folder, found, trained, rule, rate, 1) for rate in rates(found, trained, rule)]
        best = max(tried, key=lambda row: row.merit)
        seeds = 1 if rule in CONTROLS else options.seeds
        rows = [_row(options, folder, found, trained, rule, best.rate, seed) for seed in range(1, seeds + 1)]
        mean = sum(row.accuracy for row in rows) / len(rows)
        said.append(f"{found.name}, {trained}, {rule}: {100 * mean:.2f} %, rate {best.rate:g}")
        say(said[-1])
    return "\n".join(said)


def _row(
    options: LearnMeasure, folder: Path, found: Task, trained: str, rule: str, rate: float, seed: int
) -> Row:
    blank = blank_row(found, trained, rule, rate, seed, options.epochs)
    row = kept_row(folder, blank)
    if row is None:
        with bar(blank.name) as progress:
            row = run_row(found, blank, progress)
        keep_row(folder, row)
        say(f"{row.name}: held {100 * row.held:.2f}, test {100 * row.accuracy:.2f}, loss {row.loss:.3f}")
    return row
