"""The main job's tables and plots, made of its metrics alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from flows.base import plots
from flows.base.measure import LayerUse, accuracy_table, layer_table
from flows.base.metrics import percent
from golden.graph.network import Network
from golden.graph.operations.weights import Factored


def demo_text(title: str, values: Mapping[str, float], uses: Sequence[LayerUse], checked: str) -> str:
    """The report for people, in Markdown; `checked` is the text of `flows.base.fidelity.check`."""

    def faster(cycles: float) -> str:
        return f"{values['cycles.dense'] / cycles:.2f}"

    kept, sparse = values["density.coefficients"], values["density.coefficients_no_basis"]
    bits, sparse_bits = values["weights.bits_each"], values["weights.bits_each_no_basis"]
    cycles, skipping = values["cycles.per_image"], values["cycles.per_image_skipping"]
    unfolded, bound, dense = (
        values["cycles.per_image_no_basis"],
        values["cycles.bound"],
        values["cycles.dense"],
    )
    rows: dict[str, Sequence[object]] = {
        "float": [percent(values["accuracy.float"]), percent(1), "32", "", ""],
        "dense int8, ideal array": [
            percent(values["accuracy.int8"]),
            percent(1),
            "8",
            f"{dense:.0f}",
            "1.00",
        ],
        "sparse power-of-two, no basis": [
            percent(values["accuracy.po2"]),
            percent(sparse),
            f"{sparse_bits:.2f}",
            f"{unfolded:.0f}",
            faster(unfolded),
        ],
        "SmartDeal, golden": [
            percent(values["accuracy.smartdeal"]),
            percent(kept),
            f"{bits:.2f}",
            f"{cycles:.0f}",
            faster(cycles),
        ],
        f"SmartDeal, RTL, {values['rtl.images']:.0f} images": [
            percent(values["accuracy.rtl"]),
            percent(kept),
            f"{bits:.2f}",
            f"{cycles:.0f}",
            faster(cycles),
        ],
        "the same, skipping zero rows": [
            percent(values["accuracy.rtl"]),
            percent(kept),
            f"{bits:.2f}",
            f"{skipping:.0f}",
            faster(skipping),
        ],
    }
    lines = [
        f"LightDeal: {title}",
        "",
        accuracy_table(rows),
        "",
        layer_table(uses),
        "",
        checked,
        "",
        f"RTL against golden: {values['rtl.values_compared']:,.0f} values of "
        f"{values['rtl.images']:.0f} images, {values['rtl.mismatches']:.0f} mismatches; "
        f"golden labels {percent(values['accuracy.golden_of_rtl_images'])} of these images right",
        f"cycles per image: {cycles:.0f} = {values['cycles.over_bound']:.2f} x the bound of {bound:.0f}; "
        f"cycle model differs by {values['cycles.model_error']:.0f}",
        f"latency: {cycles:.0f} cycles, {values['cycles.latency']:.0f} with loading the image",
        f"learning on RTL: {values['demo.learn_steps']:.0f} steps on {values['demo.learn_images']:.0f} "
        f"digits, loss {values['demo.learn_loss_first']:.2f} to {values['demo.learn_loss_last']:.2f} nats, "
        f"{values['demo.learn_right_first']:.0f} to {values['demo.learn_right_last']:.0f} right; "
        f"{values['demo.learn_mismatches']:.0f} mismatches with golden",
        f"simulation: {values['sim.kcycles_per_s']:.0f} kcycles/s; all of it: {values['demo.seconds']:.0f} s",
    ]
    return "\n".join(lines) + "\n"


def demo_plots(
    folder: Path, values: Mapping[str, float], uses: Sequence[LayerUse], network: Network | None
) -> None:
    """errors.png, cycles.png, layers.png and coefficients.png.

    Of accuracies what is missing is drawn: bars of almost all would look alike.
    """
    accuracies = {
        "float": values["accuracy.float"],
        "dense int8": values["accuracy.int8"],
        "no basis": values["accuracy.po2"],
        "SmartDeal": values["accuracy.smartdeal"],
    }
    wrong = [100 * (1 - value) for value in accuracies.values()]
    plots.bars(folder / "errors.png", "Wrong labels of test images", "%", list(accuracies), {"": wrong})
    cycles = {
        "dense int8, ideal": values["cycles.dense"],
        "no basis": values["cycles.per_image_no_basis"],
        "SmartDeal": values["cycles.per_image"],
        "SmartDeal, skipping": values["cycles.per_image_skipping"],
        "bound": values["cycles.bound"],
    }
    plots.bars(
        folder / "cycles.png", "Cycles for one image", "cycles", list(cycles), {"": list(cycles.values())}
    )
    series = {"bound": [use.bound for use in uses], "RTL": [float(use.cycles) for use in uses]}
    plots.bars(folder / "layers.png", "Cycles by layer", "cycles", [use.path for use in uses], series)
    if network is not None:
        plots.coefficients(folder / "coefficients.png", "Kept coefficients", coefficient_counts(network))


def coefficient_counts(network: Network) -> dict[int, int]:
    """Value → how many kept coefficients of the factored layers have it, from small to large."""
    kept = [
        layer.convolution.weights.coefficients[layer.convolution.weights.mask]
        for layer in network.layers
        if isinstance(layer.convolution.weights, Factored)
    ]
    values, counts = np.unique(np.concatenate(kept or [np.zeros(0, np.int64)]), return_counts=True)
    return {int(value): int(count) for value, count in zip(values, counts, strict=True)}
