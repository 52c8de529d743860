"""The trainings in the repository: complete, made by committed code, and as good as they must be."""

import re
from pathlib import Path

from flows.studies.lightnorm.commands import LIGHTNORM_RUNS, LightNormScreen, LightNormTrain
from flows.studies.lightnorm.report import GAP
from flows.studies.lightnorm.runs import read
from flows.studies.lightnorm.settings import RATES, Settings, confirmation, screening
from flows.studies.lightnorm.study import means

FOLDER = Path(__file__).parents[4] / LIGHTNORM_RUNS
SCREEN, TRAIN = LightNormScreen(), LightNormTrain()
PROOF = list(confirmation(TRAIN.images, TRAIN.epochs, range(1, TRAIN.seeds + 1)))
SHORT = list(confirmation(512, 1, [1]))


def test_every_training_is_there() -> None:
    wanted = [*screening(SCREEN.images, SCREEN.epochs), *PROOF, *SHORT]
    assert {f"{it.name}.json" for it in wanted} == {path.name for path in FOLDER.glob("*.json")}
    for settings in wanted:
        found = read(settings, FOLDER)
        assert found is not None
        assert len(found.losses) == len(found.validation) == settings.epochs
        assert re.fullmatch("[0-9a-f]{40}", found.made["commit"]), settings.name


def test_lightnorm_is_as_accurate_as_it_must_be() -> None:
    assert TRAIN.images >= 20_000
    assert TRAIN.epochs >= 10
    assert TRAIN.seeds >= 3
    results = {settings: result for settings in PROOF if (result := read(settings, FOLDER))}
    batch, light = means(results)
    assert 100 * (batch - light) <= GAP


def test_the_rate_is_batch_norms_best() -> None:
    """By the held-out images."""
    found = {}
    for rate in RATES:
        result = read(Settings(None, SCREEN.images, SCREEN.epochs, rate=rate), FOLDER)
        assert result is not None
        found[rate] = result.validation[-1]
    assert max(found, key=lambda rate: found[rate]) == Settings(None).rate
