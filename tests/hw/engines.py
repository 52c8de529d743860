"""A row window and a drain around an engine, in passes that follow one another in a simulation."""

from dataclasses import dataclass, field
from operator import mul
from random import Random
from typing import Any

from golden.spec import formats, latency
from golden.spec.config import Config
from tests.hw.bench import join, split
from tests.hw.streams import Work, flags_of

Codes = list[list[list[int]]]
"""Error codes of the jobs of a gradient pass: codes[job][slot][lane]."""

LIMIT = 20000
"""Cycles of a pass."""


@dataclass
class Feed:
    """The rows of a pass on their way through the window.

    late: probability that no row comes in a cycle.
    """

    config: Config
    work: Work
    rng: Random
    late: float
    written: int = 0
    oldest: int = 0
    packed: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.packed = [join(row.values, 8) for row in self.work.rows]

    def show(self, ctx: Any, dut: Any) -> None:
        """What the window says in this cycle."""
        window, written = self.config.window, self.written
        for look, found in zip(dut.ahead.look, dut.ahead.flags, strict=True):
            ctx.set(found, flags_of(self.work.rows, written, window, ctx.get(look)))
        ctx.set(dut.ahead.written, written % (2 * window))
        # Rows of the window; its places keep what they hold until they are written again.
        place = ctx.get(dut.rows.place)
        held = [n for n in range(max(0, written - window), written) if n % window == place]
        ctx.set(dut.rows.bytes, self.packed[held[0]] if held else 0)
        self.oldest += (ctx.get(dut.row) - self.oldest) % (2 * window)

    def push(self) -> None:
        """A cycle later."""
        room = self.written - self.oldest < self.config.window and self.written < len(self.work.rows)
        if room and self.rng.random() >= self.late:
            self.written += 1


async def start(ctx: Any, dut: Any) -> None:
    ctx.set(dut.start, 1)
    await ctx.tick()
    ctx.set(dut.start, 0)


async def sums_of(
    ctx: Any, dut: Any, config: Config, work: Work, rng: Random, late: float, slow: float
) -> tuple[list[list[list[int]]], int]:
    """(sums of all jobs, cycles from the first row to the last drained job) of a pass.

    slow: probability that the drain does not read in a cycle in which it could.
    """
    await start(ctx, dut)
    feed = Feed(config, work, rng, late)
    sums: list[list[list[int]]] = []
    reads: list[int] = []
    drained, slot = 0, 0
    for cycle in range(1, LIMIT):
        feed.show(ctx, dut)
        if reads and reads[0] == cycle - latency.SUM_READ:
            reads.pop(0)
            if not sums or len(sums[-1]) == config.accumulators:
                sums.append([])
            sums[-1].append(split(ctx.get(dut.sums.sums), config.accumulator_bits, config.lanes))
        if len(sums) == len(work.jobs) and len(sums[-1]) == config.accumulators:
            return sums, cycle
        bank = drained % 2
        release = 0
        ctx.set(dut.sums.read, 0)
        if ctx.get(dut.sums.full) >> bank & 1 and rng.random() >= slow:
            ctx.set(dut.sums.read, 1)
            ctx.set(dut.sums.bank, bank)
            ctx.set(dut.sums.slot, slot)
            reads.append(cycle)
            slot += 1
            if slot == config.accumulators:
                release, slot = 1 << bank, 0
                drained += 1
        ctx.set(dut.sums.release, release)
        assert not ctx.get(dut.bad)
        await ctx.tick()
        feed.push()
    raise AssertionError(f"{len(sums)} of {len(work.jobs)} jobs ended")


async def add_gradients(
    ctx: Any, dut: Any, config: Config, work: Work, codes: Codes, rng: Random, late: float, slow: float
) -> int:
    """A gradient pass; cycles from the first row until the END of the last job is seen.

    codes: of as many slots as the drain is to write.
    slow: probability that the drain writes no codes in a cycle in which it could.
    """
    await start(ctx, dut)
    feed = Feed(config, work, rng, late)
    slices = config.lanes // config.basis
    loaded, part = 0, 0
    for cycle in range(1, LIMIT):
        feed.show(ctx, dut)
        full = ctx.get(dut.sums.full)
        # The last job has ended when the bank that it was in, and the other one, are full again.
        ended = loaded == len(work.jobs) and full == 0b11
        bank, release = loaded % 2, 0
        writes = loaded < len(work.jobs) and full >> bank & 1 and rng.random() >= slow
        ctx.set(dut.errors.valid, writes)
        if writes:
            slot, piece = divmod(part, slices)
            lanes = codes[loaded][slot][piece * config.basis :][: config.basis]
            ctx.set(dut.errors.bank, bank)
            ctx.set(dut.errors.slot, slot)
            ctx.set(dut.errors.slice, piece)
            ctx.set(dut.errors.codes, join(lanes, formats.CODE_BITS))
            part += 1
            if part == len(codes[loaded]) * slices:
                release, part = 1 << bank, 0
                loaded += 1
        ctx.set(dut.sums.release, release)
        assert not ctx.get(dut.bad)
        await ctx.tick()
        feed.push()
        if ended:
            await ctx.tick().repeat(latency.gradient(config.lanes))
            return cycle
    raise AssertionError(f"only {loaded} of {len(work.jobs)} jobs began")


def random_codes(rng: Random, config: Config, work: Work, slots: int) -> Codes:
    """Codes of all jobs, of so many slots; others keep what they have."""
    legal = [code for code in range(1 << formats.CODE_BITS) if code != formats.CODE_END]
    return [[rng.choices(legal, k=config.lanes) for _ in range(slots)] for _ in work.jobs]


def gradients_of(work: Work, codes: Codes, config: Config) -> list[int]:
    """The gradients of all entries; an END has none, a filler has one that nobody reads."""
    sums = [0] * (2 * len(work.words(config)))
    for job, its_codes in enumerate(codes):
        values = [[formats.decode_coefficient(code) for code in lanes] for lanes in its_codes]
        for number, _, slot, row in work.numbered(job, skip=False, gradient=True):
            if slot < len(values):
                sums[number] += sum(map(mul, work.rows[row].values, values[slot]))
    return sums
