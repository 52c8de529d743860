"""The verdict over several seeds, on made-up networks."""

import pytest

from flows.studies.commands import Accuracy
from flows.studies.study import judge
from flows.studies.training import Outcome

FLOATS = (357, 358, 356, 357, 355)


def found(right: tuple[int, ...], floats: tuple[int, ...] = FLOATS) -> dict[int, dict[str, Outcome]]:
    """Networks of seeds 1… that label so many of 360 images right."""
    return {
        seed: {
            "float": Outcome(reference / 360, None),
            "int8": Outcome(reference / 360, None),
            "no basis": Outcome(350 / 360, None),
            "SmartDeal": Outcome(count / 360, None, kept=0.2),
        }
        for seed, (count, reference) in enumerate(zip(right, floats, strict=True), 1)
    }


def test_gaps_are_measured_seed_by_seed() -> None:
    text, metrics, reached = judge(found((356, 355, 357, 355, 355)), Accuracy())
    values = {metric.name: metric.value for metric in metrics}
    assert reached
    assert values["gap.worst"] == pytest.approx(3 / 360)
    assert values["gap.mean"] == values["accuracy.mean.loss"] == pytest.approx(5 / 5 / 360)
    assert values["accuracy.seed2.smartdeal"] == pytest.approx(355 / 360)
    assert values["accuracy.mean.float"] == pytest.approx(sum(FLOATS) / 5 / 360)
    assert "loses 0.83 points in the worst of 5 seeds (seed 2), 0.28 on average (50 epochs each)" in text


def test_one_bad_seed_is_enough_to_fail() -> None:
    """Four images of 360 in one seed, however good the others: on average SmartDeal even gains."""
    right = (360, 360, 360, 353, 360)
    text, metrics, reached = judge(found(right), Accuracy())
    values = {metric.name: metric.value for metric in metrics}
    assert values["gap.mean"] < 0 < values["gap.worst"]
    assert not reached
    assert "(seed 4)" in text
    assert judge(found(right), Accuracy(bar=1.2))[2]


def test_exactly_the_bar_is_reached_and_the_floor_counts() -> None:
    """Of 1,000 images 990 and 980: in floats their difference is a little above 0.01."""
    assert 0.99 - 0.98 > 0.01
    pair = {"float": Outcome(0.99, None), "SmartDeal": Outcome(0.98, None, kept=0.2)}
    pair |= {"int8": pair["float"], "no basis": pair["float"]}
    assert judge({1: pair}, Accuracy())[2]
    low = tuple(count - 5 for count in FLOATS)
    assert not judge(found(low, low), Accuracy())[2]
