"""Kept trainings with made-up results, for tests of what is done with them."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from flows.studies.lightnorm.runs import Trained
from flows.studies.lightnorm.settings import Settings

MADE = {"commit": "c", "python": "3", "torch": "2", "numpy": "2", "processor": "p"}


def trained(settings: Settings, test: float = 0.5) -> Trained:
    """A result with as many epochs as the settings say."""
    losses = tuple(1 / (epoch + 1) for epoch in range(settings.epochs))
    validation = tuple(1 - loss / 2 for loss in losses)
    return Trained(losses, validation, test, 1.5, MADE)


def keep(wanted: Iterable[Settings], folder: Path, light: float = 0.5, batch: float = 0.5) -> None:
    """Files as a study leaves them; test accuracy grows by a tenth from seed to seed."""
    folder.mkdir(parents=True, exist_ok=True)
    for settings in wanted:
        test = (batch if settings.norm is None else light) + settings.seed / 10
        whole = {"settings": asdict(settings), "result": asdict(trained(settings, test))}
        (folder / f"{settings.name}.json").write_text(json.dumps(whole))
