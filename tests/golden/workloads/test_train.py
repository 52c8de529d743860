"""Data, loop and networks, on small parts of the real images."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits as sklearn_digits
from sklearn.model_selection import train_test_split

from golden.compress import compress, import_module
from golden.compress.patterns import pattern_plan, patterns
from golden.workloads import DigitsNet, FashionNet, accuracy, fit, load_digits, load_fashion_mnist
from golden.workloads.adam import Adam
from golden.workloads.data import DataError
from golden.workloads.digits import read_digits, stratified
from golden.workloads.loop import shifted


def test_digits_split_is_fixed_and_complete() -> None:
    train, test = load_digits()
    assert (train.images.shape, test.images.shape) == ((1437, 1, 8, 8), (360, 1, 8, 8))
    both = torch.cat([train.images, test.images]) * 16
    assert torch.equal(both, both.round())
    rows = {tuple(image.flatten().tolist()) for image in both}
    assert rows == {tuple(image.flatten().tolist()) for image in sklearn_digits().images}
    shares = test.labels.bincount() / len(test)
    assert (shares - train.labels.bincount() / len(train)).abs().max() < 0.005
    assert torch.equal(load_digits()[1].images, test.images)


@pytest.mark.parametrize(("train", "test"), [(1437, 360), (100, 61), (11, 1000)])
def test_the_split_is_that_of_scikit_learn(train: int, test: int) -> None:
    digits = sklearn_digits()
    images, labels = read_digits()
    assert np.array_equal(images, digits.images)
    assert np.array_equal(labels, digits.target)
    places = np.arange(len(labels))
    right = train_test_split(places, train_size=train, test_size=test, random_state=0, stratify=digits.target)
    assert [it.tolist() for it in stratified(labels, train, test)] == [it.tolist() for it in right]


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_steps_are_those_of_torch(decay: float) -> None:
    """Bit for bit, also of a parameter that has a gradient only now and then, and after a pause."""
    generator = torch.Generator().manual_seed(3)
    start = [torch.randn(shape, generator=generator) for shape in ((4, 3), (5,), (2, 2, 1, 3))]
    ours, theirs = ([it.clone().requires_grad_() for it in start] for _ in range(2))
    adam = Adam([(ours[:2], decay), (ours[2:], 0.0)], 0.1, 0.001, 12)
    groups = [{"params": theirs[:2], "weight_decay": decay}, {"params": theirs[2:], "weight_decay": 0.0}]
    right = torch.optim.AdamW(groups, lr=0.1, foreach=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(right, 12, 0.001)
    for step in range(12):
        if step == 5:
            again = Adam([(ours[:2], decay), (ours[2:], 0.0)], 0.1, 0.001, 12)
            again.load_state_dict(adam.state_dict())
            adam = again
        for one, other in zip(ours, theirs, strict=True):
            late = one.ndim == 1 and step % 3
            one.grad = None if late else torch.randn(one.shape, generator=generator)
            other.grad = None if one.grad is None else one.grad.clone()
        assert adam.rate == right.param_groups[0]["lr"]
        adam.step()
        right.step()
        schedule.step()
        assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))
    adam.zero_grad()
    assert all(it.grad is None for it in ours)


def write_idx(path: Path, values: np.ndarray) -> None:
    """An IDX file of bytes, compressed."""
    header = np.array([0x800 + values.ndim, *values.shape], ">u4").tobytes()
    path.write_bytes(gzip.compress(header + values.astype(np.uint8).tobytes(), 1))


def test_fashion_mnist_is_framed_and_split(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for part, count in (("train", 5_040), ("t10k", 30)):
        pixels = np.broadcast_to(generator.integers(0, 256, (count, 1, 1)), (count, 28, 28))
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", pixels)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", generator.integers(0, 10, count))
    train, chosen, test = load_fashion_mnist(tmp_path)
    assert [len(part) for part in (train, chosen, test)] == [40, 5_000, 30]
    assert test.images.shape == (30, 1, 32, 32)
    assert not test.images[:, :, :2].any()
    assert not test.images[:, :, :, 30:].any()
    assert float(chosen.images.max()) == 1.0


def test_missing_and_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"missing; install .*: sudo apt-get install dataset-fashion-mnist"):
        load_fashion_mnist(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(b"no gzip")
    with pytest.raises(DataError, match="damaged"):
        load_fashion_mnist(tmp_path)
    path.write_bytes(gzip.compress(b"\0" * 100))
    with pytest.raises(DataError, match="not an IDX file of 3 dimensions"):
        load_fashion_mnist(tmp_path)
    path.write_bytes(gzip.compress(np.array([0x803, 2, 28, 28], ">u4").tobytes() + b"\0" * 5))
    with pytest.raises(DataError, match=r"5 bytes; its header says \(2, 28, 28\)"):
        load_fashion_mnist(tmp_path)


def test_shifted_images_are_moved_copies() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.zeros(200, 1, 5, 6)
    images[:, :, 2, 3] = torch.arange(1, 201).reshape(-1, 1).float()
    moved = shifted(images, 1, generator)
    places = moved.flatten(1).argmax(1)
    assert torch.equal(moved.flatten(1).amax(1), images.flatten(1).amax(1))
    assert sorted(set(places.tolist())) == sorted(6 * y + x for y in (1, 2, 3) for x in (2, 3, 4))
    assert shifted(images, 0, generator) is images


def test_training_repeats_itself_and_reports() -> None:
    train, test = load_digits()
    told: list[tuple[str, float]] = []
    found = []
    for _ in range(2):
        torch.manual_seed(3)
        module = DigitsNet()
        fit(module, train.part(0, 400), 3, 5, lambda message, done: told.append((message, done)))
        found.append(accuracy(module, test))
    assert found[0] == found[1] > 0.2
    assert told[0] == ("epoch 1 of 3", 0.0)
    assert told[3] == ("epoch 3 of 3", 1.0)


def test_an_epoch_ends_with_its_mean_loss() -> None:
    """With a rate of nothing the loss of an epoch is that of the whole data set."""
    torch.manual_seed(2)
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    part = load_digits()[0].part(0, 50)
    right = float(torch.nn.functional.cross_entropy(module(part.images), part.labels).detach())
    losses: list[float] = []
    fit(module, part, epochs=2, rate=0.0, batch=16, shift=0, at_epoch=losses.append)
    np.testing.assert_allclose(losses, [right, right], rtol=1e-6)


def test_compressed_network_learns() -> None:
    """A quarter of the coefficients, few epochs: far above chance and near the float network."""
    train, test = load_digits()
    torch.manual_seed(1)
    module = fit(DigitsNet(), train, 4, 1)
    made = compress(module, train.images[:200], None, train, 4, seed=2)
    assert made.kept < 0.25
    assert made.accuracy(test) > accuracy(module, test) - 0.08, made.accuracy(test)


def test_filters_fill_groups_and_engines() -> None:
    for module, shape in ((DigitsNet(), (1, 1, 8, 8)), (FashionNet(), (1, 1, 32, 32))):
        assert module.eval()(torch.zeros(shape)).shape == (1, 10)
        for part in module.modules():
            if isinstance(part, torch.nn.Conv2d):
                assert part.out_channels % 12 == 0


def test_pattern_table_keeps_the_ends_and_names_its_rows() -> None:
    graph = import_module(DigitsNet(), torch.zeros(1, 1, 8, 8))
    rows = list(patterns((0.2,)))
    assert [str(row) for row in rows] == [
        "basis, elements, 0.20",
        *(f"basis, rows of {filters}, 0.20" for filters in (3, 6)),
        "no basis, elements, 0.20",
        *(f"no basis, rows of {shared}, 0.20" for shared in (2, 4, 8)),
    ]
    for row in rows:
        plan = pattern_plan(graph, row)
        assert (plan.of("conv").kind, plan.of("conv").pattern) == ("scale", "elements")
        inner = plan.of("block1.conv2")
        assert (inner.pattern, inner.shared, inner.density) == (row.pattern, row.shared, row.density)
        assert (inner.kind == "scale") == (not row.basis)
