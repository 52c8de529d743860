"""`./run layers`: the table is what the importer takes."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from flows.cli import main
from flows.user.commands import Layers
from flows.user.layers import layers, spelled
from golden.frontend.importer import import_module
from golden.graph.operations.add import ADD
from golden.graph.operations.registry import OPERATIONS
from golden.spec.errors import UnsupportedError
from golden.spec.memories import MAX_CHANNELS, MAX_TAPS

IMAGES = torch.randn(4, 2, 4, 4, generator=torch.Generator().manual_seed(1))


def test_every_operation_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layers"]) == 0
    printed = capsys.readouterr().out
    assert printed == layers(Layers()) + "\n"
    words = re.sub(r"[\s|]+", " ", printed)
    for operation in OPERATIONS:
        assert f"\n{operation.name}" in printed
        for what in operation.torch():
            assert spelled(what) in words
    assert f"{MAX_CHANNELS} channels" in words
    assert f"{MAX_TAPS} kernel positions" in words
    assert all(len(line) < 170 for line in printed.splitlines())


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (nn.Conv2d, "nn.Conv2d"),
        ("view", ".view()"),
        (torch.relu, "torch.relu"),
        (nn.functional.relu_, "torch.relu_"),
        (nn.functional.avg_pool2d, "functional.avg_pool2d"),
        (next(it for it in ADD.torch() if not isinstance(it, str)), "+"),
    ],
)
def test_names_are_as_users_write_them(written: Any, expected: str) -> None:
    assert spelled(written) == expected


USES: dict[str, Callable[[], nn.Module]] = {
    "nn.Conv2d": lambda: nn.Sequential(nn.Conv2d(2, 3, 3, padding=1)),
    "nn.Linear": lambda: nn.Sequential(nn.Flatten(), nn.Linear(32, 3)),
    "nn.BatchNorm2d": lambda: nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3)),
    "nn.BatchNorm1d": lambda: nn.Sequential(nn.Flatten(), nn.Linear(32, 3), nn.BatchNorm1d(3)),
    "nn.ReLU6": lambda: nn.Sequential(nn.Conv2d(2, 3, 1), nn.ReLU6()),
    **{
        f"nn.{kind.__name__}": partial(nn.Sequential, nn.Conv2d(2, 3, 1), kind())
        for kind in (nn.LeakyReLU, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid, nn.Tanh, nn.SiLU)
    },
    "nn.ReLU": lambda: nn.Sequential(nn.Conv2d(2, 3, 1), nn.ReLU()),
    "nn.AdaptiveAvgPool2d": lambda: nn.Sequential(nn.Conv2d(2, 3, 1), nn.AdaptiveAvgPool2d(1)),
    "nn.AvgPool2d": lambda: nn.Sequential(nn.Conv2d(2, 3, 1), nn.AvgPool2d(2), nn.AvgPool2d(2)),
    "nn.MaxPool2d": lambda: nn.Sequential(nn.Conv2d(2, 3, 1), nn.MaxPool2d(3, 2, 1)),
    "nn.Upsample": lambda: nn.Sequential(nn.Conv2d(2, 3, 1), nn.Upsample(scale_factor=(2, 3))),
    "nn.UpsamplingNearest2d": lambda: nn.Sequential(nn.UpsamplingNearest2d(size=(8, 12))),
    "nn.Flatten": lambda: nn.Sequential(nn.Conv2d(2, 3, 4), nn.Flatten()),
    "nn.Dropout": lambda: nn.Sequential(nn.Dropout(), nn.Conv2d(2, 3, 1)),
    "nn.Dropout2d": lambda: nn.Sequential(nn.Dropout2d(), nn.Conv2d(2, 3, 1)),
    "nn.Identity": lambda: nn.Sequential(nn.Identity(), nn.Conv2d(2, 3, 1)),
}
"""A network with each module of the table."""


def test_every_module_of_the_table_is_taken() -> None:
    listed = {spelled(what) for it in OPERATIONS for what in it.torch() if isinstance(what, type)}
    assert listed == set(USES)
    for make in USES.values():
        assert import_module(make().eval(), IMAGES).layers


def test_what_is_not_listed_is_refused_with_the_list() -> None:
    with pytest.raises(UnsupportedError) as error:
        import_module(nn.Sequential(nn.Conv2d(2, 3, 1), nn.Softplus()), IMAGES)
    for operation in OPERATIONS:
        assert operation.called in str(error.value)
