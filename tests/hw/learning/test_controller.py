"""Controller: random programs as golden carries them out, whoever is in the way; cycles of
`latency.controller`."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from golden.spec import latency
from golden.spec.config import Config
from golden.spec.controller import WORD_BITS, Operation
from golden.spec.learning import seeded as lfsr_of
from golden.spec.memories import Memory
from hw.learning.controller import Controller
from tests.hw.bench import NANO, join, load_state, load_words, seeded, simulate, simulate_with_reset, split
from tests.hw.learning.programs import AREA, Case, Golden, golden_run, pool, random_case, softmax, word
from tests.selection import first_or_long

CONFIG = replace(
    NANO,
    basis=4,
    feature_words=32,
    filter_words=1024,
    instructions=16,
    learning=True,
    controller_words=512,
    controller_instructions=1024,
)
LIMIT = 60_000
ISSUED = ("command", "shift", "addend_shift", "beside")


class Bench:
    """A controller with a feature memory, and someone who takes commands and reports."""

    def __init__(self, dut: Controller, config: Config, rng: Random, stall: float) -> None:
        self._dut, self._config, self._rng, self._stall = dut, config, rng, stall
        self.parameters: dict[int, int] = {}
        self.issues: list[tuple[int, ...]] = []
        self.features: list[int] = []

    async def load(self, ctx: Any, case: Case) -> None:
        dut = self._dut
        await load_words(ctx, dut, self._config, Memory.CONTROLLER, case.program)
        await load_words(
            ctx, dut, self._config, Memory.STATE, [it & (1 << WORD_BITS) - 1 for it in case.data]
        )
        await load_state(ctx, dut.seed, dut.word, lfsr_of(case.seed))
        self.features = [join(row, 8) for row in case.features]

    async def run(self, ctx: Any, reports: list[list[tuple[int, int]]]) -> int:
        """From go to the end; its cycles."""
        dut, rng = self._dut, self._rng
        features = dut.features
        left: list[tuple[int, int]] = []
        quiet_in = 0
        ctx.set(dut.quiet, 1)
        ctx.set(dut.go, 1)
        await ctx.tick()
        ctx.set(dut.go, 0)
        for cycle in range(1, LIMIT):
            grant, ready = rng.random() >= self._stall, not quiet_in
            report = left.pop() if left and rng.random() >= self._stall else None
            ctx.set(features.grant, grant)
            ctx.set(dut.issue.ready, ready)
            ctx.set(dut.quiet, ready)
            ctx.set(dut.report.valid, report is not None)
            if report is not None:
                ctx.set(dut.report.address, report[0])
                ctx.set(dut.report.word, report[1])
            assert not ctx.get(dut.illegal)
            if ctx.get(dut.parameter.valid):
                self.parameters[ctx.get(dut.parameter.address)] = ctx.get(dut.parameter.word)
            if quiet_in and not left:
                quiet_in -= 1
            if ready and ctx.get(dut.issue.valid):
                it = dut.issue.payload
                self.issues.append(tuple(ctx.get(getattr(it, name)) for name in ISSUED))
                left = [*reversed(reports[len(self.issues) - 1])]
                quiet_in = rng.randint(1, 40) if self._stall else 0
                assert self._stall or not left
            fetched = None
            if grant and ctx.get(features.valid):
                address = ctx.get(features.address)
                if ctx.get(features.write):
                    self.features[address] = ctx.get(features.data)
                else:
                    fetched = self.features[address]
            if ctx.get(dut.finished):
                return cycle
            await ctx.tick()
            ctx.set(features.read, rng.getrandbits(8 * self._config.lanes) if fetched is None else fetched)
        raise AssertionError("no end")


def compare(bench: Bench, right: Golden, lanes: int) -> None:
    controller = right.controller
    assert bench.issues == right.issues
    assert [split(it, 8, lanes) for it in bench.features] == controller.features
    wrong = {key for key, value in controller.parameters.items() if bench.parameters.get(key) != value}
    assert not wrong
    assert bench.parameters.keys() == controller.parameters.keys()


@pytest.mark.parametrize(("lanes", "stall"), first_or_long([(16, 0.0), (4, 0.3), (16, 0.3), (8, 0.6)]))
def test_random_programs(lanes: int, stall: float) -> None:
    """Two programs one after the other: nothing of the first is left but the generator, the memories."""
    rng = seeded(lanes)
    config = replace(CONFIG, lanes=lanes)
    dut = Controller(config)

    async def bench(ctx: Any) -> None:
        for _ in range(2):
            case = random_case(rng, config, 120)
            right = golden_run(rng, config, case, 30 if stall else 0)
            it = Bench(dut, config, rng, stall)
            await it.load(ctx, case)
            cycles = await it.run(ctx, right.reports)
            compare(it, right, lanes)
            if stall:
                assert cycles > latency.CONTROLLER_BEGIN + right.controller.cycles
            else:
                assert cycles == latency.CONTROLLER_BEGIN + right.controller.cycles

    simulate(dut, bench)


@pytest.mark.parametrize("operation", [Operation.POOL, Operation.SHARES])
def test_a_walk_of_one_element(operation: Operation) -> None:
    """A last map of one channel, one class: nothing else is under way, so it goes on sooner."""
    rng = seeded(operation.value)
    dut = Controller(CONFIG)
    program = []
    for number in range(24):
        blocks = softmax(rng, operation, AREA, 1) if operation == Operation.SHARES else pool(rng, CONFIG)
        program += [*blocks, word(Operation.COUNTS, 3), word(Operation.PARAMETER, 0, 3, 0, number)]
        program += [word(Operation.LOAD, 4, 0, 0, AREA - 8), word(Operation.PARAMETER, 0, 4, 0, 64 + number)]
    case = replace(random_case(rng, CONFIG, 40), program=[*program, word(Operation.STOP)])

    async def bench(ctx: Any) -> None:
        right = golden_run(rng, CONFIG, case, 0)
        it = Bench(dut, CONFIG, rng, 0.0)
        await it.load(ctx, case)
        assert await it.run(ctx, right.reports) == latency.CONTROLLER_BEGIN + right.controller.cycles
        compare(it, right, CONFIG.lanes)
        assert len({*right.controller.parameters.values()}) > 4

    simulate(dut, bench)


def test_an_operation_that_there_is_not_stops_it_until_reset() -> None:
    dut = Controller(CONFIG)
    none = word(max(Operation)) + 1
    assert none & (1 << max(Operation).bit_length()) - 1 == max(Operation) + 1

    async def bench(ctx: Any, reset: Any) -> None:
        for words, illegal in (([word(Operation.ADD), none], 1), ([word(Operation.STOP)], 0)):
            await load_words(ctx, dut, CONFIG, Memory.CONTROLLER, words)
            ctx.set(dut.quiet, 1)
            for _ in range(2):
                ctx.set(dut.go, 1)
                await ctx.tick()
                ctx.set(dut.go, 0)
                ended = 0
                for _ in range(latency.CONTROLLER_BEGIN + 8):
                    ended |= ctx.get(dut.finished)
                    await ctx.tick()
                assert (ended, ctx.get(dut.illegal)) == (not illegal, illegal)
            await reset()

    simulate_with_reset(dut, bench)
