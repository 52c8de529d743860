"""Drain: which terms it issues, in which order and in which cycle, and what it refuses.

Throughput: one term per cycle while jobs are finished, one cycle for an engine without filters,
`FLUSH` + 4 cycles between layers.
"""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from golden.spec import latency
from golden.spec.config import Config
from golden.spec.memories import Fold, Memory, back_record, filter_record
from hw.writeback.drain import Drain
from tests.hw.bench import NANO, any_value, load_words, seeded, signed, simulate
from tests.hw.writeback.tokens import Token, expected_tokens, random_back
from tests.selection import first_or_long

CONFIG = replace(NANO, engines=2, accumulators=8)
READ = 4
"""Cycles that read and decode the first instruction."""


@dataclass(frozen=True)
class Case:
    """Back words, terms and filters with the terms that follow from them."""

    back: list[int]
    terms: list[int]
    filters: list[int]
    tokens: list[Token]


def random_case(seed: int, config: Config, layers: int, residual: bool, fold: Fold | None = None) -> Case:
    rng = seeded(seed)
    terms = [rng.randrange(256) for _ in range(config.term_words)]
    record = filter_record()
    filters = [
        record.pack(**{f.name: any_value(rng, f) for f in record.fields}) for _ in range(config.filter_words)
    ]

    def operands(term: int | None, filter_: int | None = None) -> tuple[int, ...]:
        if filter_ is None:
            assert term is not None
            return (signed(terms[term], 8),)
        values = record.unpack(filters[filter_])
        return (values["bias"], values["shift"])

    words, tokens, job = [], [], 0
    for layer in range(layers):
        back = random_back(seed * 10 + layer, config, residual, fold)
        words.append(back_record(config).pack(**back))
        tokens += expected_tokens(back, config, operands, job)
        job += back["rounds"] * back["tiles"]
    return Case([*words, 0], terms, filters, tokens)


def run(config: Config, case: Case, late: float, seed: int, runs: int = 2) -> list[int]:
    """Compares everything that the drain issues; returns the cycles of the last run's tokens.

    late: probability that a bank that could be full is not yet so in a cycle.
    """
    rng = seeded(seed)
    dut = Drain(config)
    terms = dut.terms
    at: list[int] = []
    token_fields = list(next(token.fields for token in case.tokens if token.fields))

    async def one_run(ctx: Any) -> None:
        at.clear()
        ctx.set(dut.start, 1)
        for engine in range(config.engines):
            ctx.set(dut.engines[engine].full, 0)
        await ctx.tick()
        ctx.set(dut.start, 0)
        full = [0] * config.engines
        filled = [0] * config.engines
        operands = None
        for cycle in range(30000):
            for engine in range(config.engines):
                # Banks fill in turn; each engine at its own pace.
                bank = filled[engine] % 2
                if not full[engine] >> bank & 1 and rng.random() >= late:
                    full[engine] |= 1 << bank
                    filled[engine] += 1
                ctx.set(dut.engines[engine].full, full[engine])
            assert not ctx.get(dut.illegal)
            if operands is not None:
                assert tuple(ctx.get(getattr(terms, name)) for name in ("term", "bias", "shift")) == operands
            operands = None
            release = [ctx.get(port.release) for port in dut.engines]
            valid, end = ctx.get(terms.token.valid), ctx.get(terms.token.turn_end)
            if valid or end:
                token = case.tokens[len(at)]
                assert (valid, end) == (token.fields is not None, token.turn_end), f"token {len(at)}"
                port = dut.engines[token.engine]
                assert ctx.get(port.bank) == token.bank
                assert full[token.engine] >> token.bank & 1, "a bank is drained before it is full"
                if token.fields is not None:
                    got = {name: ctx.get(getattr(terms.token, name)) for name in token_fields}
                    assert got == token.fields, f"token {len(at)}"
                    sums = (ctx.get(port.slot), ctx.get(dut.reads.part), ctx.get(dut.reads.read))
                    reads = [number for number, it in enumerate(dut.engines) if ctx.get(it.read)]
                    assert reads == [token.engine] * token.read
                    assert sums == (token.slot, token.part, token.read), f"token {len(at)}"
                    operands = token.operands
                at.append(cycle)
                right = [0] * config.engines
                if token.turn_end:
                    right[token.engine] = 1 << token.bank
                    full[token.engine] &= ~right[token.engine]
                assert release == right
            else:
                assert not any(release)
                assert not ctx.get(dut.reads.read)
            await ctx.tick()
            if ctx.get(dut.finished):
                assert len(at) == len(case.tokens)
                assert cycle == at[-1] + latency.FLUSH + 3
                return
        raise AssertionError(f"{len(at)} of {len(case.tokens)} terms were issued")

    async def bench(ctx: Any) -> None:
        await load_words(ctx, dut, config, Memory.BACK, case.back)
        await load_words(ctx, dut, config, Memory.TERM, case.terms)
        await load_words(ctx, dut, config, Memory.FILTER, case.filters)
        for _ in range(runs):
            await one_run(ctx)

    simulate(dut, bench)
    return at


def conflicts(case: Case, at: list[int]) -> int:
    """Outputs that end `gap` cycles after another."""
    last = {
        cycle for token, cycle in zip(case.tokens, at, strict=True) if token.fields and token.fields["last"]
    }
    return sum(
        cycle - token.gap in last
        for token, cycle in zip(case.tokens, at, strict=True)
        if token.gap and token.fields and token.fields["last"]
    )


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("late", first_or_long([0.9, 0.0]))
@pytest.mark.parametrize("basis", [1, 2, 4])
def test_random_layers(basis: int, late: float, residual: bool) -> None:
    config = replace(CONFIG, basis=basis, engines=[2, 3, 1][basis % 3])
    for seed in range(2):
        case = random_case(seed + 10 * basis, config, 2, residual)
        assert conflicts(case, run(config, case, late, seed)) == 0


def ideal(case: Case) -> list[int]:
    """Cycles of all terms when every bank is always full."""
    at: list[int] = []
    ended: set[int] = set()
    cycle = READ
    for token in case.tokens:
        if token.starts_layer and at:
            cycle = at[-1] + latency.FLUSH + 4
        if token.fields and token.fields["last"]:
            while token.gap and cycle - token.gap in ended:
                cycle += 1
            ended.add(cycle)
        at.append(cycle)
        cycle += 1
    return at


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("fold", list(Fold))
def test_one_term_per_cycle(fold: Fold, residual: bool) -> None:
    """Nothing waits but for the memory port and between layers."""
    # One engine, so that a full bank always waits: its other bank fills while one drains.
    config = replace(CONFIG, engines=1)
    for seed in range(4):
        case = random_case(seed, config, 3, residual, fold)
        assert run(config, case, 0.0, seed, runs=1) == ideal(case)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("operation", 2),
        ("group", 0),
        ("group", 5),
        ("group", 7),
        ("engine_filters", 9),
        ("last_lanes", 0),
        ("last_lanes", 5),
        ("row_width", 0),
        ("row_width", 3),
        ("row_width", 8),
        *((name, 0) for name in ("rounds", "tiles", "filters", "engine_filters", "plane_tiles")),
    ],
)
@pytest.mark.parametrize("fold", list(Fold))
def test_illegal_instructions(field: str, value: int, fold: Fold) -> None:
    back = random_back(1, CONFIG, False, fold)
    assert _stops_as(back) == "runs"
    assert _stops_as(back | {field: value}) == "illegal"


@pytest.mark.parametrize(
    ("fold", "group", "most"),
    [
        (Fold.COLUMN, 1, 2),
        *((Fold.GROUP, group, most) for group, most in ((1, 8), (2, 8), (3, 6), (4, 8))),
        *((Fold.LARGEST, group, most) for group, most in ((1, 8), (2, 4), (3, 2), (4, 2))),
    ],
)
def test_filters_of_an_engine_fit_its_accumulators(fold: Fold, group: int, most: int) -> None:
    back = random_back(1, CONFIG, False, fold) | {"group": group}
    assert _stops_as(back | {"engine_filters": most}) == "runs"
    assert _stops_as(back | {"engine_filters": most + 1}) == "illegal"


def _stops_as(back: dict[str, int]) -> str:
    """What the drain makes of an instruction: it runs, or it is illegal."""
    dut = Drain(CONFIG)
    states = []

    async def bench(ctx: Any) -> None:
        await load_words(ctx, dut, CONFIG, Memory.BACK, [back_record(CONFIG).pack(**back), 0])
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        await ctx.tick().repeat(READ)
        states.append("illegal" if ctx.get(dut.illegal) else "finished" if ctx.get(dut.finished) else "runs")

    simulate(dut, bench)
    return states[0]
