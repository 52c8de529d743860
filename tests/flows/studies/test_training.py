"""Every recipe, from the float network to integers, on few images."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from flows.studies import training
from flows.studies.commands import Accuracy
from flows.studies.study import accuracy_benchmark
from flows.user.commands import Demo
from flows.user.demo import demo
from golden.progress import silent
from golden.spec.config import SMALL, ConfigError
from golden.workloads import Dataset


@pytest.mark.parametrize(("name", "side"), [("digits", 8), ("fashion-mnist", 32)])
def test_recipes_work(monkeypatch: pytest.MonkeyPatch, name: str, side: int) -> None:
    """Stripes of ten widths; a step an epoch teaches more than guessing, a tenth."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 10
    ramp = torch.arange(side)[None, :] * (labels[:, None] + 1) / side
    noise = torch.rand(60, 1, side, side, generator=generator)
    images = (ramp.frac()[:, None, None, :] + 0.1 * noise).clamp(0, 1)
    part = Dataset("stripes", images, labels)
    monkeypatch.setattr(training, "load", lambda data: (part, part if name != "digits" else None, part))
    start = training.pretrained(name, 1, silent)
    pattern = training.standard(name)["SmartDeal"]
    made = training.finish(start, pattern, name, 1, SMALL, silent)
    assert made.network is not None
    assert made.validation == (None if name == "digits" else made.accuracy)
    assert made.network.features[made.network.input].shape == (1, side, side)
    assert made.accuracy > 0.2
    assert made.kept < 0.3


@pytest.mark.parametrize(
    "job",
    [
        lambda config: demo(Demo(config=config)),
        lambda config: accuracy_benchmark(Accuracy(config=config)),
    ],
    ids=["demo", "accuracy"],
)
def test_nothing_is_set_beside_itself(tmp_path: Path, job: Callable[[str], object]) -> None:
    file = tmp_path / "bare.toml"
    file.write_text("engines = 2\nlanes = 4\nbasis = 2\nbases = false\n")
    with pytest.raises(
        ConfigError, match=r"^configuration 'bare' leaves the basis out \(`bases`\), so nothing stands"
    ):
        job(str(file))
