"""Studies over many trainings: which zeros cost what, and how sure the accuracy is."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import mean

from flows.base.files import write_all
from flows.base.jobs import run_jobs
from flows.base.measure import bits_each
from flows.base.metrics import Metric, metrics_text, percent, table
from flows.base.progress import step
from flows.base.provenance import write_provenance
from flows.base.roots import TRAINING
from flows.studies.commands import Accuracy, Table
from flows.studies.training import (
    Outcome,
    demand_bases,
    finish,
    finish_float,
    load,
    pretrained,
    recipe,
    standard,
)
from golden.compiler import compile_network
from golden.compress.patterns import patterns
from golden.cycles.bounds import dense_cycles
from golden.cycles.timing import count_cycles
from golden.progress import Progress
from golden.spec.config import Config, load_config
from golden.spec.errors import CapacityError


def pattern_table(options: Table) -> str:
    """Accuracy, cycles, row fetches and bits per weight of patterns × densities × basis or none.

    Every figure is the mean over the seeds. Choices are made by held-out images where the data set
    has some, so those stand in the table. Leaves table.md and metrics.json in `options.out`.
    """
    config = load_config(options.config)
    rows = [row for row in patterns(options.densities) if config.bases or not row.basis]
    _, held_out, _ = load(options.data)
    seeds = range(1, options.seeds + 1)
    with step(f"{len(seeds)} float networks"):
        floats = {f"seed {seed}": partial(pretrained, options.data, seed) for seed in seeds}
        starts = run_jobs(floats)
    with step(f"{len(rows)} patterns × {len(seeds)} seeds"):
        jobs = {
            f"{row}, seed {seed}": partial(finish, start, row, options.data, seed, config)
            for row in rows
            for seed, start in zip(seeds, starts.values(), strict=True)
        }
        outcomes = list(run_jobs(jobs).values())
    found = {}
    metrics = []
    where = (
        f"{'held-out' if held_out else 'test'} images of {options.data}, mean over the seeds 1…{len(seeds)}"
    )
    for number, row in enumerate(rows):
        some = outcomes[number * len(seeds) : (number + 1) * len(seeds)]
        accuracy = mean(it.accuracy if it.validation is None else it.validation for it in some)
        costs = {"kept": some[0].kept} | _costs(some[0], config)
        found[str(row)] = {"accuracy": accuracy} | costs
        metrics.append(Metric(f"table.{row}.accuracy", accuracy, "1", "more", where))
        for name, value in costs.items():
            better = "more" if name == "speedup" else "less"
            metrics.append(Metric(f"table.{row}.{name}", value, "1", better, "seed 1, golden.cycles.timing"))
    text = pattern_rows(found)
    write_all({options.out / "metrics.json": metrics_text(metrics), options.out / "table.md": text + "\n"})
    write_provenance(options, config, options.out / "about.json", TRAINING)
    return text


COLUMNS: dict[str, tuple[str, Callable[[float], str]]] = {
    "accuracy": ("accuracy", percent),
    "kept": ("kept", percent),
    "cycles": ("cycles", "{:.0f}".format),
    "speedup": ("dense / cycles", "{:.2f}".format),
    "row_fetches": ("row fetches", "{:.0f}".format),
    "bits_each": ("bits a weight", "{:.2f}".format),
}
"""Last part of a metric's name → the title of its column, and how it is shown."""


def pattern_rows(rows: Mapping[str, Mapping[str, float]]) -> str:
    """The table of pattern → values by the names of `COLUMNS`; without cycles it does not fit."""

    def cell(values: Mapping[str, float], name: str) -> str:
        if name in values:
            return COLUMNS[name][1](values[name])
        return "does not fit" if name == "cycles" else ""

    lines = [[row, *(cell(values, name) for name in COLUMNS)] for row, values in rows.items()]
    return table(["pattern", *(title for title, _ in COLUMNS.values())], lines)


def _costs(outcome: Outcome, config: Config) -> dict[str, float]:
    """Cycles, ideal dense ÷ cycles, row fetches, bits a weight of an outcome; none where it does not fit."""
    assert outcome.network is not None
    try:
        program = compile_network(outcome.network, config)
    except CapacityError:
        return {}
    cycles = count_cycles(program).cycles
    return {
        "cycles": cycles,
        "speedup": dense_cycles(program) / cycles,
        "row_fetches": sum(layer.rows_fetched for layer in program.layers),
        "bits_each": bits_each(program),
    }


def whole_seed(data: str, seed: int, config: Config, progress: Progress) -> dict[str, Outcome]:
    """Float, int8, no basis and SmartDeal from one seed, one after the other."""

    def part(number: int, name: str, message: str, fraction: float) -> None:
        progress(f"{name}, {message}", (number + fraction) / 4)

    start = pretrained(data, seed, partial(part, 0, "start"))
    found = finish_float(start, data, seed, partial(part, 1, "float"))
    for number, (name, pattern) in enumerate(standard(data).items(), 2):
        found[name] = finish(start, pattern, data, seed, config, partial(part, number, name))
    return found


def accuracy_benchmark(options: Accuracy) -> tuple[str, bool]:
    """Accuracy over several seeds; all networks of a seed have the same number of epochs.

    Leaves accuracy.md and metrics.json in `options.out`. Returns the table and `judge`'s verdict.
    """
    config = load_config(options.config)
    demand_bases(config)
    load(options.data)
    with step(f"{options.seeds} seeds"):
        jobs = {seed: partial(whole_seed, options.data, seed, config) for seed in range(1, options.seeds + 1)}
        found = run_jobs({f"seed {seed}": job for seed, job in jobs.items()})
    text, metrics, reached = judge(dict(zip(jobs, found.values(), strict=True)), options)
    write_all({options.out / "metrics.json": metrics_text(metrics), options.out / "accuracy.md": text + "\n"})
    write_provenance(options, config, options.out / "about.json", TRAINING)
    return text, reached


KINDS = {"float": "float", "int8": "int8", "no basis": "po2", "SmartDeal": "smartdeal"}
"""The networks of a seed, and what metrics call them."""


def judge(found: Mapping[int, Mapping[str, Outcome]], options: Accuracy) -> tuple[str, list[Metric], bool]:
    """Table, metrics and verdict of the networks of several seeds, seed → kind → what it reached.

    The verdict: in no seed does SmartDeal lose more than the bar against float, and float reaches the
    recipe's floor on average.
    """
    chosen = recipe(options.data)
    rows: list[Sequence[object]] = [
        [seed, *(percent(outcomes[name].accuracy) for name in KINDS), percent(outcomes["SmartDeal"].kept)]
        for seed, outcomes in found.items()
    ]
    means = {name: mean(outcomes[name].accuracy for outcomes in found.values()) for name in KINDS}
    rows.append(["mean", *(percent(means[name]) for name in KINDS), ""])
    # Rounded, so that a loss of exactly the bar is not above it.
    gaps = {seed: round(it["float"].accuracy - it["SmartDeal"].accuracy, 9) for seed, it in found.items()}
    worst = max(gaps, key=lambda seed: gaps[seed])
    lost = mean(gaps.values())
    reached = 100 * gaps[worst] <= options.bar and means["float"] >= chosen.floor
    text = table([options.data, *KINDS, "kept"], rows) + (
        f"\n\nSmartDeal loses {100 * gaps[worst]:.2f} points in the worst of {len(found)} seeds "
        f"(seed {worst}), {100 * lost:.2f} on average ({chosen.pretrain + chosen.retrain} epochs each); "
        f"the bar is {options.bar:g} in every seed. Float must reach {percent(chosen.floor)} on average."
    )
    images = f"test images of {options.data}"
    metrics = [
        Metric(f"accuracy.seed{seed}.{short}", outcomes[name].accuracy, "1", "more", f"seed {seed}, {images}")
        for seed, outcomes in found.items()
        for name, short in KINDS.items()
    ]
    where = f"mean over {len(found)} seeds, {images}"
    metrics += [
        Metric(f"accuracy.mean.{short}", means[name], "1", "more", where) for name, short in KINDS.items()
    ]
    of = "accuracy of float − accuracy of SmartDeal"
    metrics += [
        Metric("accuracy.mean.loss", lost, "1", "less", where),
        Metric("gap.mean", lost, "1", "less", f"{of}, {where}"),
        Metric("gap.worst", gaps[worst], "1", "less", f"{of}, largest of {len(found)} seeds, {images}"),
    ]
    return text, metrics, reached
