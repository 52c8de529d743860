"""The numbers of the main job as metrics."""

from dataclasses import dataclass

from flows.base import measure
from flows.base.metrics import Metric
from flows.studies.training import Outcome, recipe
from flows.user.commands import Demo
from golden.cycles.timing import count_cycles
from golden.machine.result import Mismatch, Result
from golden.spec.program import Program
from golden.workloads import Dataset
from sim.checks.compare import values_compared


@dataclass(frozen=True)
class Runs:
    """RTL and golden on the same images."""

    golden: Result
    plain: Result
    skipping: Result
    mismatches: int
    first: Mismatch | None


def accuracies(
    options: Demo, outcomes: dict[str, Outcome], runs: Runs, program: Program, images: Dataset
) -> list[Metric]:
    chosen = recipe(options.data)
    epochs = f"{options.data} test images, seed {options.seed}, {chosen.pretrain + chosen.retrain} epochs"
    names = {"float": "float", "int8": "int8", "no basis": "po2", "SmartDeal": "smartdeal"}
    metrics = []
    for name, short in names.items():
        outcome = outcomes[name]
        metrics.append(Metric(f"accuracy.{short}", outcome.accuracy, "1", "more", f"all {epochs}"))
        if outcome.validation is not None:
            where = f"held-out images of {options.data}, seed {options.seed}"
            metrics.append(Metric(f"validation.{short}", outcome.validation, "1", "more", where))
    labels = images.labels.numpy()
    for short, result in (("rtl", runs.plain), ("golden_of_rtl_images", runs.golden)):
        value = measure.label_accuracy(result.tensors[program.output], labels)
        where = f"{result.backend}, first {len(labels)} {epochs}"
        metrics.append(Metric(f"accuracy.{short}", value, "1", "more", where))
    metrics.append(
        Metric(
            "density.coefficients", outcomes["SmartDeal"].kept, "1", "less", "kept / all weights, SmartDeal"
        )
    )
    metrics.append(
        Metric("density.coefficients_no_basis", outcomes["no basis"].kept, "1", "less", "kept / all weights")
    )
    return metrics


def comparison(runs: Runs, program: Program) -> list[Metric]:
    where = f"sim.checks.compare, {runs.plain.backend} against golden.machine"
    model = count_cycles(program).cycles
    both = (runs.plain, runs.skipping)
    clocks = sum(sum(result.cycles) + result.load_cycles * len(result.cycles) for result in both)
    speed = clocks / sum(result.seconds for result in both) / 1000
    compared = values_compared(runs.golden.tensors, program)
    return [
        Metric("rtl.images", len(runs.plain.cycles), "1", "more", where),
        Metric("rtl.values_compared", compared, "1", "more", f"{where}, zero rows not skipped"),
        Metric("rtl.mismatches", runs.mismatches, "1", "less", f"{where}, with and without skipping"),
        Metric(
            "cycles.model_error",
            max(abs(cycles - model) for cycles in runs.plain.cycles),
            "cycles",
            "less",
            "largest difference of golden.cycles.timing and RTL",
        ),
        Metric("sim.kcycles_per_s", speed, "kHz", "more", f"{runs.plain.backend}, whole network"),
    ]


def sizes(program: Program, no_basis: Program) -> list[Metric]:
    where = "program memories for weights, indexes, bases, biases, plain layers"
    return [
        Metric("weights.bits_each", measure.bits_each(program), "bit", "less", where),
        Metric("weights.bits_each_no_basis", measure.bits_each(no_basis), "bit", "less", where),
        Metric(
            "weights.count", sum(layer.weights for layer in program.layers), "1", "neither", "dense weights"
        ),
    ]
