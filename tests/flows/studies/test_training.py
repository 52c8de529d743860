"""Every recipe, from the float network to integers, on few images."""

import pytest
import torch

from flows.studies import training
from golden.progress import silent
from golden.spec.config import SMALL
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
