"""Re-training that was interrupted goes on to the bits of one that was not."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from golden.compress import compress
from golden.compress.plan import CompressionPlan, LayerPlan
from golden.compress.retrain import Schedule
from golden.graph.reference import run_network
from golden.machine.tensors import quantise
from golden.spec.errors import LightDealError
from golden.workloads import Dataset

EPOCHS = 5


class Net(nn.Module):
    """Batch norm, an addition, both poolings: all that has numbers chosen on the way."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.first = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6))
        self.largest, self.mean = nn.MaxPool2d(2), nn.AvgPool2d(2)
        self.last = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        return self.last(self.mean(self.largest(torch.relu(self.second(x) + x))).flatten(1))


GENERATOR = torch.Generator().manual_seed(1)
IMAGES = torch.rand(48, 1, 4, 4, generator=GENERATOR)
DATA = Dataset("made", IMAGES, torch.arange(48) % 4)


class Killed(Exception):
    """Stands for a kill."""


def _trained(
    path: Path | None, until: int | None = None, seed: int = 7, density: float = 0.4
) -> tuple[bytes, list[str]]:
    """Everything that the integers compute, and what was said; `until`: epoch before which it is killed."""
    said = []

    def progress(text: str, _: float) -> None:
        said.append(text)
        if until is not None and text.startswith(f"epoch {until} "):
            raise Killed

    plan = CompressionPlan({}, LayerPlan("group", 3, density))
    made = compress(
        Net(),
        IMAGES[:32],
        plan,
        DATA,
        EPOCHS,
        seed=seed,
        progress=progress,
        schedule=Schedule(batch=4),
        resume=path,
        tolerance=1,
    )
    network = made.network
    values = run_network(network, quantise(IMAGES.numpy(), network.features[network.input].scale))
    return b"".join(np.asarray(values[name]).tobytes() for name in sorted(values)), said


@pytest.fixture(scope="module")
def whole() -> bytes:
    return _trained(None)[0]


@pytest.mark.parametrize("until", [2, 4, 5])
def test_it_goes_on_to_the_same_bits(until: int, whole: bytes, tmp_path: Path) -> None:
    """Killed while masks are chosen, before batch norm is folded, while weights are averaged."""
    path = tmp_path / "folder" / "net.training"
    with pytest.raises(Killed):
        _trained(path, until)
    assert path.is_file()
    found, said = _trained(path)
    assert f"goes on behind epoch {until - 1}" in said
    assert f"epoch {until - 1} of {EPOCHS}" not in said
    assert found == whole
    assert not list(path.parent.iterdir())


def test_another_training_and_a_damaged_file_begin_anew(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.training"
    for other in ({"seed": 8}, {"density": 0.6}):
        with pytest.raises(Killed):
            _trained(path, 3, **other)
        found, said = _trained(path)
        assert found == whole
        assert not any(it.startswith("goes on") for it in said)
    with pytest.raises(Killed):
        _trained(path, 3)
    data = path.read_bytes()
    for damaged in (data[: len(data) // 2], b"no file of torch", b"broken\n", b"Jyz\n"):
        path.write_bytes(damaged)
        found, said = _trained(path)
        assert found == whole
        assert not any(it.startswith("goes on") for it in said)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LightDealError, match="the training cannot be kept there: "):
        _trained(tmp_path / "file" / "net.training")
