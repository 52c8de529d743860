"""Studies of LightNorm's accuracy: the screening that chose the layer, and the proof on several seeds."""

from pathlib import Path

from flows.base.metrics import percent, table
from flows.studies.lightnorm.commands import LIGHTNORM_RUNS, LightNormScreen, LightNormTrain
from flows.studies.lightnorm.runs import Trained, difference, keep_all, read
from flows.studies.lightnorm.settings import Settings, confirmation, screening

Results = dict[Settings, Trained]


def screen(options: LightNormScreen) -> tuple[str, bool]:
    """Train every layer of `SCREENED` once, and batch norm beside it; choices are made from this table.

    Leaves a file for each training in `options.out`. Returns the table, and False if trainings made
    elsewhere than in LIGHTNORM_RUNS differ from those kept there.
    """
    results = keep_all(screening(options.images, options.epochs), options.out, options.workers)
    text, same = compared(results, options.out, LIGHTNORM_RUNS)
    return f"{rates_table(results)}\n\n{screening_table(results)}{text}", same


def confirm(options: LightNormTrain) -> tuple[str, bool]:
    """Train batch norm and the chosen LightNorm with the seeds 1…`options.seeds`; else as `screen`."""
    seeds = range(1, options.seeds + 1)
    results = keep_all(confirmation(options.images, options.epochs, seeds), options.out, options.workers)
    text, same = compared(results, options.out, LIGHTNORM_RUNS)
    return accuracy_table(results) + text, same


def compared(results: Results, folder: Path, kept: Path) -> tuple[str, bool]:
    """Lines on how results of another folder compare with the kept ones; True unless one differs."""
    if folder.resolve() == kept.resolve():
        return "", True
    lines = []
    same = True
    for settings, result in results.items():
        old = read(settings, kept)
        if old is None:
            lines.append(f"{settings.name}: nothing is kept in {kept} to compare with")
            continue
        wrong = difference(result, old)
        same &= wrong is None
        lines.append(f"{settings.name}: {wrong or 'as kept'}")
    return "\n\n" + "\n".join(lines), same


def rates_table(results: Results) -> str:
    """Batch norm at several learning rates, by the images held out of the training set; one seed."""
    rows = [
        [f"{it.rate:g}", f"{result.losses[-1]:.4f}", percent(result.validation[-1])]
        for it, result in results.items()
        if it.norm is None
    ]
    return table(["batch norm's first rate", "last loss", "validation"], rows)


def screening_table(results: Results) -> str:
    """The screened layers, by the images held out of the training set; one seed."""
    rows: list[list[object]] = []
    for settings, result in results.items():
        if (it := settings.norm) is not None:
            kind = [it.axis, it.rounding, it.spikes, it.spike, it.group, it.chunks]
            rows.append([*kind, f"{result.losses[-1]:.4f}", percent(result.validation[-1])])
    header = ["shared exponent", "rounding", "spikes", "spike", "G", "K", "last loss", "validation"]
    return table(header, rows)


def accuracy_table(results: Results) -> str:
    """Test accuracy of batch norm and LightNorm after the last epoch, seed by seed, and the means."""
    seeds = sorted({settings.seed for settings in results})
    pairs = [pair(results, seed) for seed in seeds]
    rows = [(str(seed), *found) for seed, found in zip(seeds, pairs, strict=True)]
    rows.append(("mean", *means(results)))
    lines = [
        [seed, percent(batch), percent(light), f"{100 * (light - batch):+.2f}"] for seed, batch, light in rows
    ]
    return table(["seed", "BatchNorm2d, FP32", "LightNorm", "difference, points"], lines)


def pair(results: Results, seed: int) -> tuple[float, float]:
    """Test accuracy of batch norm and of LightNorm."""
    found = {s.norm is None: result.test for s, result in results.items() if s.seed == seed}
    return found[True], found[False]


def means(results: Results) -> tuple[float, float]:
    """Mean test accuracy of batch norm and of LightNorm over the seeds."""
    seeds = {settings.seed for settings in results}
    batch, light = zip(*(pair(results, seed) for seed in seeds), strict=True)
    return sum(batch) / len(seeds), sum(light) / len(seeds)
