"""What remains of re-training: the mean of the last weights, with grids of its own."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from golden.compress import CompressionPlan, LayerPlan, Schedule, compress, import_module
from golden.compress import retrain as retraining
from golden.compress.quantized import QuantizedNet
from golden.spec.errors import UnsupportedError
from golden.workloads import Dataset
from golden.workloads.average import Average
from golden.workloads.loop import fit
from tests.golden.statistics_of_norms import trained_statistics


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return trained_statistics(
        nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.Conv2d(6, 6, 3, 2, 1),
            nn.BatchNorm2d(6),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(6, 4),
        )
    )


def data(seed: int, count: int = 48) -> Dataset:
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 1, 8, 8, generator=generator)
    return Dataset("random", images, torch.randint(0, 4, (count,), generator=generator))


def quantized(seed: int, images: torch.Tensor, plan: LayerPlan | None = None) -> QuantizedNet:
    module = network(seed)
    return QuantizedNet(
        import_module(module, images), CompressionPlan({}, plan or LayerPlan("group", density=0.5))
    )


def test_the_mean_is_that_of_what_was_taken() -> None:
    module = nn.Linear(3, 2)
    generator = np.random.default_rng(0)
    taken = generator.normal(size=(5, 2, 3)).astype(np.float32)
    average = Average(module)
    for values in taken:
        with torch.no_grad():
            module.weight.copy_(torch.from_numpy(values))
        average.take()
    average.adopt()
    np.testing.assert_array_equal(module.weight.detach(), taken.mean(0, dtype=np.float64).astype(np.float32))


@pytest.mark.parametrize(("norm", "start"), [(0.7, 0.7), (0.5, 0.85), (1.0, 0.6), (0.0, 1.0)])
def test_weights_are_the_mean_over_the_end(
    monkeypatch: pytest.MonkeyPatch, norm: float, start: float
) -> None:
    """Against the parameters as a spy saw them before each step and after the last."""
    seen: list[tuple[float, list[np.ndarray]]] = []
    part = data(1)
    net = quantized(2, part.images)

    def spied(
        module: nn.Module, *rest: object, at_step: Callable[[float], None], **more: object
    ) -> nn.Module:
        def look(done: float) -> None:
            seen.append((done, [it.detach().numpy().copy() for it in module.parameters()]))

        def both(done: float) -> None:
            look(done)
            at_step(done)

        fit(module, *rest, at_step=both, **more)  # type: ignore[arg-type]
        look(1.0)
        return module

    monkeypatch.setattr(retraining, "fit", spied)
    retraining.retrain(
        net, part, part.images, 6, schedule=Schedule(norm=norm, average=start, batch=16, rate=0.02)
    )
    last = [values for done, values in seen if done >= start]
    assert len(last) == {0.7: 6, 0.85: 3, 0.6: 8, 1.0: 1}[start]
    for parameter, *taken in zip(net.parameters(), *last, strict=True):
        expected = np.mean(taken, 0, dtype=np.float64)
        np.testing.assert_allclose(parameter.detach(), expected, rtol=1e-6, atol=1e-9)
    assert not net.norm_mode


def test_masks_of_the_mean_keep_their_density() -> None:
    part = data(9, 64)
    plan = CompressionPlan({}, LayerPlan("group", density=0.25))
    made = compress(network(10), part.images, plan, part, 12, schedule=Schedule(batch=8))
    for layer, whole in zip(made.layers, made.network.layers, strict=True):
        assert abs(layer.kept - 0.25 * layer.weights) < 3, layer
        assert not whole.convolution.weights.coefficients[~whole.convolution.weights.mask].any()  # type: ignore[union-attr]


@pytest.mark.parametrize("average", [0.4, 1.1, float("nan")])
def test_only_weights_of_one_mask_are_averaged(average: float) -> None:
    with pytest.raises(
        UnsupportedError,
        match=r"average = \S+; supported: 0\.5 \(prune\) to 1, because only weights of the same mask",
    ):
        Schedule(average=average)
