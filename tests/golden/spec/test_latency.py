"""Latencies: the table of docs/machine.md says what golden.spec.latency says."""

import re
from pathlib import Path

from golden.spec import latency

TABLE = re.compile(r"^\| `([A-Z_]+)` \| (\d+) \| .+ \|$", re.MULTILINE)


def test_the_table_of_the_machine_has_the_declared_latencies() -> None:
    rows = TABLE.findall((Path(__file__).parents[3] / "docs/machine.md").read_text())
    assert len(rows) > 10
    assert {name: int(cycles) for name, cycles in rows} == {name: getattr(latency, name) for name, _ in rows}
