"""Densities from a budget: the best choice for its cost, and budgets that hold."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from golden.compiler import compile_network
from golden.compress import Budget, compress, import_module
from golden.compress.budget import cost_of
from golden.compress.choices import Choices
from golden.compress.plan import CompressionPlan, LayerPlan
from golden.compress.quantized_layer import QuantizedLayer
from golden.compress.sensitivity import DENSITIES, Sensitivity, sensitivity
from golden.graph.floats import float_features
from golden.graph.network_file import to_bytes
from golden.spec.config import TINY
from golden.spec.errors import UnsupportedError
from golden.workloads import Dataset


class Net(nn.Module):
    """Two branches of which one hardly counts, and an addition."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.first = nn.Conv2d(2, 6, 3, padding=1)
        self.strong = nn.Conv2d(6, 6, 3, padding=1)
        self.weak = nn.Conv2d(6, 6, 3, padding=1)
        self.last = nn.Linear(6 * 16, 5)
        with torch.no_grad():
            self.weak.weight *= 0.01

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.first(x))
        return self.last(torch.relu(self.strong(x) + self.weak(x)).flatten(1))


IMAGES = torch.rand(40, 2, 4, 4, generator=torch.Generator().manual_seed(1)) - 0.3
PLAN = CompressionPlan({}, LayerPlan("scale", density=0.5))


def test_sensitivity_is_the_change_of_the_whole_network() -> None:
    """Against the user's module with the pruned weights in it."""
    net = Net().eval()
    graph = import_module(net, IMAGES)
    found = sensitivity(graph, IMAGES, PLAN, (0.1, 0.5))
    assert list(found) == ["first", "weak", "strong", "last"]
    assert max(found["weak"].losses) < 0.01 * min(found["strong"].losses)
    wanted = float_features(graph, IMAGES)[graph.output].flatten(1)
    for layer in graph.layers:
        stage = QuantizedLayer(layer, layer.convolution, PLAN.default)
        for density, loss in zip((0.1, 0.5), found[layer.path].losses, strict=True):
            stage.prune(density)
            other = Net().eval()
            weight = other.state_dict()[f"{layer.path}.weight"]
            with torch.no_grad():
                weight.copy_(stage.real_weight().reshape(weight.shape))
                output = other(IMAGES)
            change = (output - wanted).square().sum() / (wanted - wanted.mean()).square().sum()
            assert loss == pytest.approx(float(change), rel=1e-3)


def test_batch_norm_moves_with_the_sums_of_a_pruned_layer() -> None:
    """Four channels that are alike, with weights that are alike: half of them give half the sums, which batch
    norm takes back whole; a bias does not."""
    torch.manual_seed(2)
    norm = nn.BatchNorm2d(3)
    first = nn.Conv2d(4, 3, 1, bias=False)
    nn.init.constant_(first.weight, 0.5)
    images = torch.randn(32, 1, 4, 4).expand(-1, 4, -1, -1).contiguous()
    with_norm = nn.Sequential(first, norm, nn.Flatten(), nn.Linear(48, 2))
    norm.momentum = 1.0
    with_norm.train()(images)
    found = sensitivity(import_module(with_norm.eval(), images), images, PLAN, (0.5,))
    assert found["0"].losses[0] < 1e-6
    without = nn.Sequential(first, nn.Flatten(), nn.Linear(48, 2)).eval()
    assert sensitivity(import_module(without, images), images, PLAN, (0.5,))["0"].losses[0] > 0.1


def test_nothing_that_costs_as_little_changes_less() -> None:
    """Against all combinations, for random sensitivities and costs (seed printed)."""
    seed = int(np.random.default_rng().integers(1 << 30))
    print("seed", seed)
    rng = np.random.default_rng(seed)
    densities = (0.1, 0.3, 0.6, 1.0)
    found = {
        name: Sensitivity(densities, tuple(sorted(rng.random(4) ** 3 + 1e-6, reverse=True))) for name in "abc"
    }
    weights = {name: rng.integers(1, 50) for name in "abc"}
    choices = Choices(found, lambda path, density: max(density, 0.3) * weights[path])
    fine = {name: it.finer(6) for name, it in found.items()}
    every = list(itertools.product(range(len(fine["a"].densities)), repeat=3))

    def cost(numbers: tuple[int, ...]) -> float:
        return sum(
            max(fine[it].densities[number], 0.3) * weights[it]
            for it, number in zip("abc", numbers, strict=True)
        )

    def change(numbers: tuple[int, ...]) -> float:
        return sum(fine[it].losses[number] for it, number in zip("abc", numbers, strict=True))

    for most in rng.uniform(0.3, 1.0, 5) * sum(weights.values()):
        choice = choices.within(most)
        assert choice.cost <= most
        mine = sum(
            np.interp(np.log(choice.densities[it]), np.log(fine[it].densities), fine[it].losses)
            for it in "abc"
        )
        least = min(change(it) for it in every if cost(it) <= choice.cost + 1e-9)
        assert mine == pytest.approx(least)


@pytest.mark.parametrize(("kind", "numbers"), [("cycles", (900, 1100, 1500)), ("bits", (2.5, 4.0))])
def test_compiled_networks_keep_the_budget(kind: str, numbers: tuple[float, ...]) -> None:
    spent = []
    for number in numbers:
        made = compress(Net(), IMAGES, PLAN, config=TINY, budget=Budget(number, kind))
        spent.append(cost_of(kind, compile_network(made.network, TINY)))
        assert 0.75 * number < spent[-1] <= number, spent
    assert spent == sorted(spent)


def test_points_are_measured_on_images_that_were_not_trained_with() -> None:
    labels = Net().eval()(IMAGES).argmax(1)
    data = Dataset("made", IMAGES, labels)
    messages = []
    made = compress(
        Net(),
        IMAGES,
        PLAN,
        data,
        1,
        config=TINY,
        budget=Budget(30, "points"),
        shift=0,
        progress=lambda text, _: messages.append(text),
    )
    assert made.comparison.images == 8
    assert made.comparison.lost <= 0.3
    assert made.kept < 1
    assert messages.count("decomposition") >= 2


def test_a_search_that_was_killed_does_not_train_again_what_it_had_tried(tmp_path: Path) -> None:
    data = Dataset("made", IMAGES, Net().eval()(IMAGES).argmax(1))

    def found(resume: Path | None, kill_at: int | None = None) -> tuple[bytes, list[str]]:
        said = []

        def progress(text: str, _: float) -> None:
            said.append(text)
            if said.count("decomposition") == kill_at:
                raise KeyboardInterrupt

        plan, budget = CompressionPlan({}, LayerPlan("scale", density=0.5)), Budget(30, "points")
        made = compress(
            Net(), IMAGES, plan, data, 2, config=TINY, budget=budget, progress=progress, resume=resume
        )
        return to_bytes(made.network), said

    whole, said = found(None)
    trained = said.count("epoch 1 of 2")
    assert trained == said.count("decomposition") >= 3
    with pytest.raises(KeyboardInterrupt):
        found(tmp_path / "it.training", kill_at=3)
    again, said = found(tmp_path / "it.training")
    assert again == whole
    assert said.count("goes on behind epoch 2") == 2
    assert said.count("epoch 1 of 2") == trained - 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (Budget(10, "cycles"), "budget: at most 10 cycles: the sparsest choice has "),
        (Budget(0.1, "bits"), "supported: at least so many, or a smaller network"),
    ],
)
def test_what_cannot_be_kept_is_said(budget: Budget, words: str) -> None:
    with pytest.raises(UnsupportedError, match=words):
        compress(Net(), IMAGES, PLAN, config=TINY, budget=budget)


def test_points_that_no_density_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels that the float network knows and integers cannot: of a difference below a rounding step."""
    net = Net()
    with torch.no_grad():
        net.last.weight.copy_(net.last.weight[:1] + 1e-5 * torch.randn(5, 96))
        net.last.bias.fill_(1.0)
    data = Dataset("made", IMAGES, net.eval()(IMAGES).argmax(1))
    with pytest.raises(
        UnsupportedError, match=r"with all coefficients kept it loses \d+\.\d\d; supported: more"
    ):
        compress(net, IMAGES, PLAN, data, config=TINY, budget=Budget(0.01, "points"))


def test_a_network_without_coefficients_has_no_choice() -> None:
    plan = CompressionPlan({}, LayerPlan("plain"))
    with pytest.raises(UnsupportedError, match="no layer has coefficients that could be left out"):
        compress(Net(), IMAGES, plan, config=TINY, budget=Budget(9, "cycles"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("500k cycles", Budget(500_000, "cycles")),
        ("1.8 bits", Budget(1.8, "bits")),
        (" 1 point ", Budget(1, "points")),
        ("2M cycles", Budget(2_000_000, "cycles")),
        ("12cycles", Budget(12, "cycles")),
    ],
)
def test_budgets_as_people_write_them(text: str, wanted: Budget) -> None:
    assert Budget.parse(text) == wanted


@pytest.mark.parametrize(
    "text", ["", "5", "cycles", "-3 cycles", "1e3 cycles", "1..2 bits", "3 bytes", "nan bits"]
)
def test_other_budgets_are_refused(text: str) -> None:
    with pytest.raises(UnsupportedError, match=r"supported: such as '500k cycles', '1\.8 bits', '1 point'"):
        Budget.parse(text)
    with pytest.raises(UnsupportedError, match="supported: a number above 0 of cycles, bits, points"):
        Budget(0, "cycles")


def test_finer_densities_keep_those_that_were_tried() -> None:
    found = Sensitivity(DENSITIES, tuple(1 / (1 + it) for it in DENSITIES)).finer(4)
    assert found.densities[::4] == pytest.approx(DENSITIES)
    assert found.losses[::4] == pytest.approx([1 / (1 + it) for it in DENSITIES])
    assert list(found.densities) == sorted(found.densities)
