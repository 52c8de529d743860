"""Legality: the table of docs/machine.md; the same answer of integers and of signals."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec import legality
from golden.spec.config import SMALL, TINY, Config
from golden.spec.fields import Record
from golden.spec.memories import Fold, back_record, front_record
from hw.parts.layouts import layout
from tests.hw.bench import seeded, simulate

HALVES = {"front": (legality.FRONT, front_record), "back": (legality.BACK, back_record)}


def test_the_table_of_the_machine_has_the_rules() -> None:
    text = (Path(__file__).parents[3] / "docs/machine.md").read_text()
    rows = re.findall(r"^\| (front|back) \| `(\w+)` \| (.+) \|$", text, re.MULTILINE)
    assert rows == [(half, rule.field, rule.legal) for half, (rules, _) in HALVES.items() for rule in rules]


class Asked(wiring.Component):
    """Whether a word is legal."""

    def __init__(self, rules: tuple[legality.Rule, ...], record: Record, config: Config) -> None:
        self._rules, self._config = rules, config
        super().__init__({"word": In(layout(record)), "legal": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.legal.eq(legality.legal(self._rules, self.word, self._config))
        return m


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize(
    "config",
    [
        TINY,
        SMALL,
        replace(TINY, name="bare", largest=False),
        replace(TINY, name="no-bases", bases=False),
        replace(TINY, name="least", bases=False, largest=False),
    ],
    ids=lambda config: config.name,
)
def test_signals_and_integers_agree(config: Config, half: str) -> None:
    rng = seeded(1)
    rules, make = HALVES[half]
    record = make(config)
    dut = Asked(rules, record, config)
    found = set()

    async def bench(ctx: Any) -> None:
        for _ in range(3000):
            fields = {
                field.name: rng.choice([0, 1, 1, 2, 3, 4, rng.randint(field.low, field.high)])
                for field in record.fields
            }
            fields = {f.name: max(f.low, min(fields[f.name], f.high)) for f in record.fields}
            ctx.set(dut.word, fields)
            right = bool(legality.legal(rules, fields, config))
            found.add(right)
            assert ctx.get(dut.legal) == right, fields
            await ctx.delay(1e-9)

    simulate(dut, bench)
    assert found == {False, True}


def test_the_largest_is_illegal_where_it_was_left_out() -> None:
    fields = {"engine_filters": 1, "group": 4, "fold": Fold.LARGEST}
    rule = next(it for it in legality.BACK if it.field == "engine_filters")
    assert rule.holds(fields, TINY)
    assert not rule.holds(fields, replace(TINY, largest=False))


@pytest.mark.parametrize(
    "fields",
    [
        {"engine_filters": 2, "group": 2, "fold": Fold.GROUP},
        {"engine_filters": 1, "group": 1, "fold": Fold.COLUMN},
    ],
    ids=["group", "column"],
)
def test_a_basis_is_illegal_where_it_was_left_out(fields: dict[str, int]) -> None:
    rule = next(it for it in legality.BACK if it.field == "engine_filters")
    assert rule.holds(fields, TINY)
    without = replace(TINY, bases=False)
    assert not rule.holds(fields, without)
    assert rule.holds({**fields, "group": 1, "fold": Fold.GROUP}, without)
