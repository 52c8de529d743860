"""Compression beside the user's float network: equal logits in every loss, a word where it is far worse."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from golden.compiler import compile_network
from golden.compress import CompressionPlan, LayerPlan, Schedule, api, compress, int8_plan
from golden.compress.compare import compare
from golden.graph.network import Feature, Network
from golden.graph.operations.weights import Plain
from golden.graph.reference import run_network
from golden.machine.tensors import quantise
from golden.spec.config import SMALL, TINY
from golden.spec.errors import CapacityError, UnsupportedError
from golden.workloads.data import Dataset, load_digits
from golden.workloads.logits import class_logits, distillation
from golden.workloads.loop import accuracy, batches, fit
from tests.golden.layers import make_layer

TRAIN, TEST = load_digits()


def head(kind: str) -> nn.Module:
    """Three convolutions, the last one down to one pixel, and what may follow it."""
    torch.manual_seed(1)
    ends: dict[str, list[nn.Module]] = {
        "map of one pixel": [],
        "flatten": [nn.Flatten()],
        "pooled": [nn.AdaptiveAvgPool2d(1)],
    }
    last = nn.Conv2d(12, 10, 3, padding=1) if kind == "pooled" else nn.Conv2d(12, 10, 4)
    return nn.Sequential(
        nn.Conv2d(1, 9, 3, padding=1), nn.ReLU(), nn.Conv2d(9, 12, 3, 2, 1), nn.ReLU(), last, *ends[kind]
    )


def test_a_convolution_as_head_learns_as_with_flatten() -> None:
    """Broadcasting (N, 10) against (N, 10, 1, 1) once ruined it: to the last bit the same now."""
    made = {}
    for kind in ("map of one pixel", "flatten"):
        module = fit(head(kind), TRAIN.part(0, 700), 12, 1)
        assert accuracy(module, TEST) > 0.6
        made[kind] = compress(module, TRAIN.images[:100], None, TRAIN.part(0, 500), 6, tolerance=1.0)
    first, second = made.values()
    assert first.comparison == second.comparison
    for one, other in zip(first.network.layers, second.network.layers, strict=True):
        np.testing.assert_array_equal(one.requantise.bias, other.requantise.bias)
    assert first.accuracy(TEST) > 0.5


def test_a_pooled_convolution_is_a_head_too() -> None:
    module = head("pooled").eval()
    made = compress(module, TRAIN.images[:64], None, TRAIN.part(0, 100), 1, tolerance=1.0)
    assert made.network.features[made.network.output].shape == (10, 1, 1)


@pytest.mark.parametrize("epochs", [0, 1])
@pytest.mark.parametrize("shape", [(10, 8, 8), (10, 1, 8), (10, 4, 4)])
def test_labels_for_a_map_are_refused_before_training(
    epochs: int, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "retrain", None)
    options: dict[Any, Any] = {(10, 8, 8): (1, 10, 1), (10, 1, 8): (1, 10, (8, 1)), (10, 4, 4): (1, 10, 1, 2)}
    module = nn.Sequential(nn.Conv2d(*options[shape]))
    with pytest.raises(UnsupportedError) as error:
        compress(module, TRAIN.images[:20], None, TRAIN.part(0, 20), epochs)
    assert str(error.value).startswith(
        f"labels for a network whose output for 1 images has shape {(1, *shape)}; "
    )
    assert "supported: logits of shape (images, classes) or (images, classes, 1, 1)" in str(error.value)
    # Without labels a map is compressed like any other tensor.
    assert compress(module, TRAIN.images[:20], int8_plan()).comparison.agreement > 0.5


def test_shapes_of_logits() -> None:
    logits = torch.rand(4, 3)
    shape: tuple[int, ...]
    for shape in ((4, 3), (4, 3, 1), (4, 3, 1, 1)):
        assert torch.equal(class_logits(logits.reshape(shape), 4), logits)
    for shape in ((12,), (2, 6), (1, 4, 3, 1), (4, 1, 3, 1), (3, 4)):
        with pytest.raises(
            UnsupportedError, match="labels for a network whose output for 4 images has shape"
        ):
            class_logits(logits.reshape(shape), 4)
    with pytest.raises(UnsupportedError, match=r"gives logits of shape \(4, 3\), the .* teaches it \(4, 2\)"):
        distillation(logits, logits[:, :2])


def test_a_teacher_of_other_classes_is_refused() -> None:
    net, teacher = (nn.Sequential(nn.Flatten(), nn.Linear(64, classes)) for classes in (10, 12))
    with pytest.raises(UnsupportedError, match="distillation: the network gives logits"):
        fit(net, TRAIN.part(0, 20), 1, teacher=teacher.eval(), trust=0.5)


@pytest.mark.parametrize(
    ("count", "size", "sizes"), [(65, 64, [65]), (129, 64, [64, 65]), (130, 64, [64, 64, 2])]
)
def test_no_batch_is_of_one_image(count: int, size: int, sizes: list[int]) -> None:
    parts = batches(torch.arange(count), size)
    assert [len(part) for part in parts] == sizes
    assert torch.equal(torch.cat(parts), torch.arange(count))
    torch.manual_seed(1)
    module = nn.Sequential(
        nn.Conv2d(1, 6, 8), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 10, 1), nn.Flatten()
    )
    made = compress(fit(module, TRAIN.part(0, count), 1), TRAIN.images[:20], None, TRAIN.part(0, count), 1)
    assert made.kept < 1


def test_too_little_to_train_on() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    with pytest.raises(UnsupportedError, match="training images: found 1; supported: at least 2"):
        compress(module, TRAIN.images[:5], None, TRAIN.part(0, 1), 1)
    with pytest.raises(UnsupportedError, match="schedule: batch = 1; supported: 2 or more"):
        Schedule(batch=1)
    with pytest.raises(UnsupportedError) as error:
        compress(module, TRAIN.images[:5], None, TRAIN, -1)
    assert str(error.value) == "compress: epochs = -1; supported: 0 or more"
    with pytest.raises(UnsupportedError, match=r"tolerance = 1\.5; supported: 0…1"):
        compress(module, TRAIN.images[:5], tolerance=1.5)


def trained() -> nn.Module:
    """A float network that knows the digits."""
    torch.manual_seed(2)
    module = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(12, 12, 3, 2, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(192, 10),
    )
    return fit(module, TRAIN, 4, 1)


def test_a_result_far_below_the_float_network_says_so() -> None:
    module, data = trained(), TRAIN.part(0, 300)
    ruined = CompressionPlan({}, LayerPlan("group", density=0.02))
    made = compress(module, data.images, ruined, data)
    logits = module(data.images)
    right = float((logits.argmax(1) == data.labels).double().mean())
    whole = quantise(data.images.numpy(), made.network.features["input"].scale)
    labels = run_network(made.network, whole)[made.network.output].reshape(300, 10).argmax(1)
    found = made.comparison
    assert found.images == 300
    assert found.float_accuracy == pytest.approx(right)
    assert found.accuracy == pytest.approx((labels == data.labels.numpy()).mean())
    assert found.agreement == pytest.approx((labels == logits.argmax(1).numpy()).mean())
    assert found.lost > 0.3
    assert len(made.warnings) == 1
    assert made.warnings[0].startswith(
        f"far worse than the float network: {found.accuracy:.2%} of 300 labels right"
    )
    assert compress(module, data.images, ruined, data, tolerance=1.0).warnings == ()
    unlabelled = compress(module, data.images, ruined)
    assert unlabelled.comparison.accuracy is None
    assert unlabelled.comparison.lost == pytest.approx(1 - found.agreement)
    assert "images as the float network says" in unlabelled.warnings[0]
    assert compress(module, data.images, int8_plan(), data).warnings == ()


def one_logit(scale: float, weight: int) -> Network:
    """One pixel, one logit: weight · x steps of `scale`."""
    plain = Plain(np.full((1, 1, 1, 1), weight), np.ones(1, np.int64))
    zero = np.zeros(1, np.int64)
    layer = make_layer("a", "x", "y", 1, (1, 1), 1, 0, plain, zero, zero)
    return Network(
        {"x": Feature("x", (1, 1, 1), 1.0), "y": Feature("y", (1, 1, 1), scale)}, (layer,), "x", ("y",)
    )


def test_one_logit_is_compared_by_its_variance() -> None:
    images = torch.arange(-8.0, 9.0).reshape(-1, 1, 1, 1)
    network = one_logit(2.0, 1)
    module: Any = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.Flatten())
    for weight, explained in ((2.0, 1.0), (4.0, 0.75), (-2.0, 0.0)):
        module[0].weight.data.fill_(weight)
        assert compare(network, module, images, None).agreement == pytest.approx(explained)


def test_everything_is_refused_before_training_and_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "retrain", None)
    module = nn.Sequential(
        nn.Conv2d(1, 5, 3),
        nn.ReLU(),
        nn.Conv2d(5, 6, 2, padding=1),
        nn.ReLU(),
        nn.Conv2d(6, 40, 3, padding=1),
        nn.Flatten(),
        nn.Linear(40 * 49, 10),
    )
    data = TRAIN.part(0, 40)
    with pytest.raises(CapacityError) as capacity:
        compress(module, data.images, None, data, 100, config=TINY)
    lines = str(capacity.value).splitlines()
    assert lines[0] == f"{len(lines) - 1} problems:"
    for start in ("layer 6: a partial sum of filter ", "coefficient (engine ", "feature memory: "):
        assert any(line.strip().startswith(start) for line in lines), lines
    wide = nn.Sequential(nn.Flatten(), nn.Linear(1056, 4), nn.ReLU(), nn.Linear(4, 2048))
    images = torch.rand(20, 1, 33, 32)
    for config in (SMALL, None):
        with pytest.raises(UnsupportedError) as error:
            compress(wide, images, config=config)
        assert "layer 1: kernel (33, 32); supported: 1…1024 kernel positions" in str(error.value)
        assert "layer 3: 2048 filters; supported: 1…2047" in str(error.value)
    large = nn.Sequential(
        nn.Conv2d(1, 60, 3, padding=1), nn.ReLU(), nn.Conv2d(60, 60, 3, padding=1), nn.AdaptiveAvgPool2d(1)
    )
    with pytest.raises(CapacityError) as capacity:
        compress(large, data.images, int8_plan(), config=TINY)
    assert "feature memory: " in str(capacity.value)
    assert "coefficient (engine " in str(capacity.value)


def test_strides_that_do_not_fit_together_are_refused_before_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api, "retrain", None)

    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(1, 1, 3, 2, padding=2), nn.Conv2d(1, 1, 3, padding=1)
            self.c = nn.Conv2d(1, 2048, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = self.c(self.b(self.a(x)) + x)
            return y

    data = Dataset("x", torch.rand(8, 1, 3, 3), torch.zeros(8, dtype=torch.int64))
    for config in (SMALL, None):
        with pytest.raises(UnsupportedError) as error:
            compress(Odd(), data.images, None, data, 5, config=config)
        assert "their strides demand two phase splits of" in str(error.value)
        assert "layer c: 2048 filters" in str(error.value)


def test_what_training_made_too_large_is_kept_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums depend on trained weights: the result is there, and what the compiler will say is said."""
    module, data = trained(), TRAIN.part(0, 100)
    plan = CompressionPlan({}, LayerPlan("scale", density=1.0))
    made = compress(module, data.images, plan, data, config=SMALL, tolerance=1.0)
    assert made.warnings == ()
    compile_network(made.network, SMALL)

    def refuse(*_: object) -> None:
        raise CapacityError("layer 5: a partial sum of filter 0 may reach 9")

    monkeypatch.setattr(api, "compile_network", refuse)
    made = compress(module, data.images, plan, data, config=SMALL, tolerance=1.0)
    assert made.warnings == (
        "as trained it does not fit configuration 'small' any more: "
        "layer 5: a partial sum of filter 0 may reach 9",
    )
