"""The integer network equals the torch module, and both equal a float calculation within a bound."""

from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from golden.compress import CompressionPlan, LayerPlan, compress, import_module
from golden.compress.calibrate import calibrate, restore_statistics
from golden.compress.quantized import QuantizedNet
from golden.compress.result import Compressed
from golden.compress.retrain import Schedule, density_at
from golden.graph.operations.weights import Factored, Plain, rebuild
from golden.graph.reference import run_network
from golden.machine.tensors import quantise
from golden.numerics.grids import best_grid
from golden.spec.errors import UnsupportedError
from golden.workloads.data import Dataset, load_digits
from golden.workloads.loop import fit
from golden.workloads.networks import DigitsNet, Residual
from tests.golden.compress.agreement import same
from tests.golden.statistics_of_norms import trained_statistics

KINDS = [
    LayerPlan("plain"),
    LayerPlan("scale", density=1.0),
    LayerPlan("scale", density=0.3),
    LayerPlan("group", density=0.3),
    LayerPlan("group", 2, 0.5),
    LayerPlan("column", density=0.4),
    LayerPlan("column", density=0.5, pattern="rows", shared=2),
]


def network(seed: int, size: int) -> nn.Module:
    """Small, with both kinds of shortcut, filters that are no multiple of the group, odd pooling."""
    torch.manual_seed(seed)
    return trained_statistics(
        nn.Sequential(
            nn.Conv2d(2, 7, 3, padding=1),
            nn.ReLU(),
            Residual(7, 7, 1),
            Residual(7, 10, 2),
            nn.AvgPool2d(size // 2),
            nn.Flatten(),
            nn.Linear(10, 5),
        )
    )


def images(seed: int, size: int, count: int = 24) -> torch.Tensor:
    """Real images of any sign."""
    return torch.randn(count, 2, size, size, generator=torch.Generator().manual_seed(seed))


def plan_for(graph_paths: list[str], plan: LayerPlan) -> CompressionPlan:
    """`plan` where it is legal, plain elsewhere."""
    fits = [p for p in graph_paths if plan.kind != "column" or p in ("2.conv1", "2.conv2", "3.conv2")]
    return CompressionPlan(dict.fromkeys(fits, plan), LayerPlan("plain"))


@cache
def compressed(plan: LayerPlan, size: int) -> Compressed:
    """By `plan_for`."""
    module, real = network(3, size), images(4, size)
    graph = import_module(module, real)
    return compress(module, real, plan_for([layer.path for layer in graph.layers], plan))


@pytest.mark.parametrize("size", [8, 6])
@pytest.mark.parametrize("plan", KINDS, ids=str)
def test_module_and_integer_network_agree_to_the_last_bit(plan: LayerPlan, size: int) -> None:
    made = compressed(plan, size)
    same(made.module, made.network, images(5, size, 50))


def test_agreement_after_training_in_both_modes() -> None:
    module, real = network(6, 8), images(7, 8, 64)
    data = Dataset("random", real, torch.randint(0, 5, (64,), generator=torch.Generator().manual_seed(8)))
    for norm in (0.0, 0.5, 1.0):
        made = compress(module, real, None, data, 2, schedule=Schedule(norm=norm, batch=16), shift=0)
        same(made.module, made.network, images(9, 8))


def test_integers_are_in_range() -> None:
    for plan in KINDS:
        for layer in compressed(plan, 8).network.layers:
            assert ((layer.requantise.shift >= 0) & (layer.requantise.shift <= 31)).all()
            assert (np.abs(layer.requantise.bias) < 1 << 31).all()
            if isinstance(layer.convolution.weights, Plain):
                assert np.abs(layer.convolution.weights.weights).max() <= 127
                assert (
                    (layer.convolution.weights.scale >= 64) & (layer.convolution.weights.scale <= 127)
                ).all()
            else:
                check_factored(layer.convolution.weights, layer.product.filters)


def check_factored(weights: Factored, filters: int) -> None:
    """Levels, masks, and terms that use their seven bits."""
    magnitudes = np.abs(weights.coefficients)
    assert set(np.unique(magnitudes)) <= {0, 1, 2, 4, 8, 16, 32, 64}
    assert not weights.coefficients[~weights.mask].any()
    terms = np.abs(weights.basis)
    assert terms.max() <= 127
    largest = terms.max(axis=(1, 2)) if weights.mask.shape[0] == filters else terms.max(axis=1).reshape(-1)
    used = rebuild(weights, filters).reshape(filters, -1).any(1)
    assert (largest[:filters][used] >= 64).all()


@pytest.mark.parametrize("seed", range(3))
def test_int8_is_close_to_float(seed: int) -> None:
    """Eight layers of 8 bits in a row: within 5 % of the largest logit, root mean square."""
    module, real = network(seed, 8), images(seed, 8, 200)
    made = compress(module, real, CompressionPlan({}, LayerPlan("plain")))
    whole = quantise(real.numpy(), made.network.features["input"].scale)
    feature = made.network.features[made.network.output]
    got = run_network(made.network, whole)[feature.name][:, :, 0, 0] * feature.scale
    with torch.no_grad():
        expected = module(real).numpy()
    assert np.sqrt(np.square(got - expected).mean()) < 0.05 * np.abs(expected).max()


def test_restored_statistics_bring_compression_nearer_to_float() -> None:
    """Batch norm that follows the compressed weights, against one that does not."""
    digits = load_digits()[0].part(0, 400)
    torch.manual_seed(1)
    module, real = fit(DigitsNet(), digits, 4, 1), digits.images
    graph = import_module(module, real)
    errors = []
    for restore in (False, True):
        net = QuantizedNet(graph, CompressionPlan({}, LayerPlan("group", density=0.4))).eval()
        for stage in net.stages:
            stage.refit(0.4)
        if restore:
            restore_statistics(net, real)
        calibrate(net, real)
        with torch.no_grad():
            errors.append(float((net(real) - module(real)).square().mean()))
    assert errors[1] < errors[0] / 2, errors


def test_best_grid() -> None:
    """Exact where a grid is, −7 for nothing, and rather one outlier saturated than all coarse."""
    grid = best_grid(torch.arange(17) / 16.0)
    values = torch.arange(17) / 16.0
    assert torch.equal(torch.round(values / 2.0**grid).clamp(-128, 127) * 2.0**grid, values)
    assert best_grid(torch.zeros(4)) == -7
    one_outlier = torch.cat(
        [torch.randn(100_000, generator=torch.Generator().manual_seed(0)), torch.tensor([40.0])]
    )
    assert 2.0 ** best_grid(one_outlier) * 127 < 40


def test_kept_counts_weights_only() -> None:
    module, real = network(12, 8), images(13, 8)
    made = compress(module, real, CompressionPlan({}, LayerPlan("group", density=1.0)))
    assert made.kept == 1.0
    assert [layer.kept for layer in made.layers] == [layer.weights for layer in made.layers]


def test_density_falls_to_its_target() -> None:
    densities = [density_at(0.2, step / 10) for step in range(13)]
    assert densities[0] == 1.0
    assert densities[10:] == [0.2] * 3
    assert densities == sorted(densities, reverse=True)


def test_wrong_calls() -> None:
    module, real = network(14, 8), images(15, 8)
    with pytest.raises(
        UnsupportedError, match=r"3\.conv1: kind 'column' for kernel \(3, 3\), stride \(2, 2\)"
    ):
        compress(module, real, CompressionPlan({"3.conv1": LayerPlan("column")}))
    with pytest.raises(UnsupportedError, match="compression plan: no layer '9'; the network has"):
        compress(module, real, CompressionPlan({"9": LayerPlan()}))
    with pytest.raises(
        UnsupportedError, match="epochs = 2 without train_data; supported: 0, or labelled images"
    ):
        compress(module, real, epochs=2)


@pytest.mark.parametrize(
    ("labels", "size", "words"),
    [
        (torch.zeros(24), 8, "training labels: found torch.float32 of shape (24,); supported: torch.int64"),
        (torch.zeros(23, dtype=torch.int64), 8, "of shape (24,), one for each image"),
        (torch.full((24,), 5), 8, "training labels: found 5…5; the network's last layer '6' has classes 0…4"),
        (torch.zeros(24, dtype=torch.int64), 6, "found shape (2, 6, 6); the sample images have (2, 8, 8)"),
    ],
)
def test_wrong_training_data(labels: torch.Tensor, size: int, words: str) -> None:
    with pytest.raises(UnsupportedError) as error:
        compress(network(16, 8), images(17, 8), None, Dataset("x", images(18, size), labels), 1)
    assert words in str(error.value)
