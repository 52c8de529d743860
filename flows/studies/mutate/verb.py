"""`mutate`: plants the bugs of the list, one at a time, and tells which of them the tests see."""

import fcntl
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from flows.base.files import write_whole
from flows.base.metrics import Metric, table, write_metrics
from flows.studies.commands import Mutate
from flows.studies.mutate.mutants import ROOMS, Mutant, MutantError, read_mutants
from flows.studies.mutate.runner import KILLED, SLOW, Runner, Verdict

ROOT = Path(__file__).parents[3]


def mutate(options: Mutate, root: Path = ROOT) -> tuple[str, bool]:
    """A table of the chosen bugs; true if the tests see every one.

    Every group of tests runs without a bug first and must pass. Results are kept in `options.out`
    under a digest of the file, the bug and its tests (with all helpers), so a run that was stopped goes on
    where it was.
    A run of the whole list leaves metrics.json there.

    Parameters
    ----------
    root: the repository.

    Raises MutantError if no bug is chosen, or if tests fail without one.
    """
    whole = read_mutants(root)
    chosen = _choose(whole, options)
    out = options.out.absolute()
    workers = options.workers or os.cpu_count() or 1
    with _alone(out), Runner(root, out, workers) as runner:
        seconds = runner.baseline(chosen)
        verdicts = runner.judge(chosen, seconds)
    rows = [[v.title, v.verdict, f"{v.seconds:.1f}", v.by] for v in verdicts]
    seen = sum(v.verdict in (KILLED, SLOW) for v in verdicts)
    text = table(["planted bug", "verdict", "s", "first test that fails"], rows)
    text += f"\n\n{seen} of {len(verdicts)} planted bugs are seen by the tests"
    if late := sum(v.verdict == SLOW for v in verdicts):
        text += f", {late} of them by the time limit"
    if len(chosen) == len(whole):
        write_metrics(_metrics(whole, verdicts), out / "metrics.json")
        write_whole(out / "mutate.md", text + "\n")
    else:
        text += f"; the list has {len(whole)}: metrics.json is left as it was"
    return text, seen == len(verdicts)


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Nobody else works in the folder. Raises MutantError if somebody does."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise MutantError(f"another mutate works in {out}; wait for it, or give --out") from error
        yield


def _choose(whole: list[Mutant], options: Mutate) -> list[Mutant]:
    pattern = options.only
    chosen = [m for m in whole if pattern is None or fnmatch(m.title, pattern) or fnmatch(m.file, pattern)]
    if not chosen:
        raise MutantError(f"no planted bug is called {pattern!r}; names look like {whole[0].title!r}")
    if options.sample is not None and options.sample < len(chosen):
        drawn = random.Random(options.seed).sample(range(len(chosen)), options.sample)
        chosen = [chosen[place] for place in sorted(drawn)]
    return chosen


def _metrics(mutants: Sequence[Mutant], verdicts: Sequence[Verdict]) -> list[Metric]:
    source = "flows.studies.mutate: the bugs of tests/mutants, one at a time, each against its tests"
    metrics = []
    for prefix, rooms in (("mutants", ROOMS), *((f"mutants.{room}", (room,)) for room in ROOMS)):
        mine = [v for m, v in zip(mutants, verdicts, strict=True) if m.room in rooms]
        seen = sum(v.verdict in (KILLED, SLOW) for v in mine)
        metrics += [
            Metric(f"{prefix}.planted", len(mine), "1", "more", source),
            Metric(f"{prefix}.killed", seen, "1", "more", source),
        ]
    late = sum(v.verdict == SLOW for v in verdicts)
    seconds = sum(v.seconds for v in verdicts)
    metrics.append(Metric("mutants.timed_out", late, "1", "less", source))
    metrics.append(Metric("mutants.seconds", seconds, "s", "less", f"{source}; sum over the workers"))
    return metrics
