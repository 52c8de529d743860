"""Random coefficient streams with their rows, and what must come of them."""

import random
from dataclasses import dataclass

from golden.spec import formats
from golden.spec.arithmetics import coefficient_record
from golden.spec.config import Config
from tests.hw.bench import some

Entry = tuple[int, int, int]
"""Code, slot, advance."""


@dataclass(frozen=True)
class Row:
    """A row of the window: its lanes, or a marker."""

    values: tuple[int, ...]
    marker: bool = False
    rewind: bool = False

    @property
    def zero(self) -> bool:
        return not self.marker and not any(self.values)


def flags_of(rows: list[Row], written: int, window: int, place: int) -> dict[str, bool]:
    """The flags of the row in a place of the window when so many are written; none if there is no row."""
    for number in range(max(0, written - window), written):
        if number % window == place:
            return {name: bool(getattr(rows[number], name)) for name in ("zero", "marker", "rewind")}
    return {"zero": False, "marker": False, "rewind": False}


@dataclass(frozen=True)
class Work:
    """A stream of blocks and the rows of all jobs.

    Parameters
    ----------
    entries: of all blocks, in order, each with its END but not its padding: blocks[block].
    rows: of all jobs in order, markers included.
    jobs: for each job, its block and the number of its first row.
    """

    entries: list[list[Entry]]
    rows: list[Row]
    jobs: list[tuple[int, int]]

    def words(self, config: Config) -> list[int]:
        """The coefficient memory."""
        return [word for block in self.entries for word in pack(config, block)]

    def live(self, job: int, skip: bool) -> list[tuple[int, int, int]]:
        """(code, slot, row) of the entries of a job that cost a cycle."""
        return [step[1:] for step in self.numbered(job, skip, gradient=False)]

    def numbered(self, job: int, skip: bool, gradient: bool) -> list[tuple[int, int, int, int]]:
        """(number of the entry, code, slot, row) of the entries of a job that cost a cycle.

        gradient: entries of code zero do too.
        """
        block, row = self.jobs[job]
        first = sum(len(entries) + len(entries) % 2 for entries in self.entries[:block])
        live = []
        for number, (code, slot, advance) in enumerate(self.entries[block], first):
            row += advance
            dead = (code == formats.CODE_ZERO and not gradient) or (skip and self.rows[row].zero)
            if code != formats.CODE_END and not dead:
                live.append((number, code, slot, row))
        return live

    def pair_cycles(self, job: int, skip: bool, gradient: bool = False) -> list[int]:
        """Cycles of the pairs of a job: each takes max(1, live entries), END counts as one."""
        block = self.jobs[job][0]
        first = sum(len(entries) + len(entries) % 2 for entries in self.entries[:block])
        pairs = -(-len(self.entries[block]) // 2)
        costs = [0] * pairs
        for number, *_ in self.numbered(job, skip, gradient):
            costs[(number - first) // 2] += 1
        costs[-1] += 1
        return [max(1, cost) for cost in costs]

    def sums(self, job: int, config: Config) -> list[list[int]]:
        """The partial sums of a job, sums[slot][lane], not wrapped."""
        sums = [[0] * config.lanes for _ in range(config.accumulators)]
        for code, slot, row in self.live(job, skip=False):
            for lane, value in enumerate(self.rows[row].values):
                sums[slot][lane] += formats.decode_coefficient(code) * value
        return sums


def pack(config: Config, block: list[Entry]) -> list[int]:
    """The pairs of a block, padded with an entry that would do harm: what stands behind END means nothing."""
    record = coefficient_record(config)
    filler = (1, 1, 3)
    entries = block + [filler] * (len(block) % 2)
    packed = [record.pack(code=code, slot=slot, advance=advance) for code, slot, advance in entries]
    return [low | high << record.bits for low, high in zip(packed[::2], packed[1::2], strict=True)]


def random_block(rng: random.Random, config: Config, rows: int, density: float) -> list[Entry]:
    """Entries in order of rows and slots, kept zeros among them; fillers over long gaps; END."""
    block: list[Entry] = []
    at = 0

    def go(row: int) -> int:
        """Fillers until the rest of the way fits into one advance; returns that rest."""
        nonlocal at
        while row - at > 3:
            block.append((formats.CODE_ZERO, 0, 3))
            at += 3
        rest, at = row - at, row
        return rest

    for row in range(rows):
        if rng.random() < density:
            # Plain weights put several digits of one slot side by side.
            slots = sorted(rng.choices(range(config.accumulators), k=rng.randint(1, 4)))
            for slot in slots:
                code = rng.choice([formats.CODE_ZERO, *range(7), *range(8, 15)])
                block.append((code, slot, go(row)))
    block.append((formats.CODE_END, 0, go(rows)))
    return block


def random_work(
    rng: random.Random, config: Config, blocks: int, rows: int, density: float = 0.5, zeros: float = 0.4
) -> Work:
    """Blocks for jobs of 1…`rows` rows and 1…3 tiles, as far as the coefficient memory goes.

    zeros: probability of a row of zeros.
    """
    entries: list[list[Entry]] = []
    all_rows: list[Row] = []
    jobs: list[tuple[int, int]] = []
    words = 0
    for _ in range(blocks):
        count = rng.randint(1, rows)
        block = random_block(rng, config, count, rng.choice([density, density, 0.1]))
        words += len(pack(config, block))
        if words > config.coefficient_words:
            break
        entries.append(block)
        tiles = rng.randint(1, 3)
        for tile in range(tiles):
            jobs.append((len(entries) - 1, len(all_rows)))
            for _ in range(count):
                zero = rng.random() < zeros
                values = [0 if zero else some(rng, -128, 127) for _ in range(config.lanes)]
                all_rows.append(Row(tuple(values)))
            all_rows.append(Row((0,) * config.lanes, True, tile < tiles - 1))
    return Work(entries, all_rows, jobs)
