# amaranth: UnusedElaboratable=no
"""What an operation costs is the difference of two syntheses."""

from pathlib import Path

import pytest

from flows.base.metrics import read_metrics
from flows.cost.commands import Synth
from flows.cost.operations import OPERATIONS, operations_text
from golden.spec.config import TINY, Config


def test_the_largest_of_products_takes_a_comparison_in_each_lane(tmp_path: Path) -> None:
    options = Synth("tiny", unit="basis", operations=True, out=tmp_path)
    text = " ".join(operations_text(options, ("max pooling",)).split())
    metrics = read_metrics(tmp_path / "ecp5-tiny-basis-operations.json")
    sites = metrics["ecp5.tiny.basis.operations.max_pooling.sites"].value
    # A comparison of two bytes takes at least eight LUTs.
    assert 8 * TINY.basis <= sites <= 60 * TINY.basis
    assert f"| max pooling | +{sites:g} |" in text


@pytest.mark.parametrize("changes", [it for pair in OPERATIONS.values() for it in pair])
def test_what_is_compared_are_configurations(changes: dict[str, int]) -> None:
    assert Config("any", 2, 4, basis=2, **changes).digest  # type: ignore[arg-type]
