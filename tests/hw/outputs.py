"""Random terms for the output pipeline, cycle by cycle, and the words that must come of them."""

import random
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Const

from golden.spec import formats, latency
from golden.spec.config import Config
from golden.spec.formats import round_shift, saturate
from golden.spec.memories import Fold, back_record
from hw.writeback.terms import token_layout
from tests.hw.bench import join, seeded, signed, some
from tests.hw.writeback.tokens import Token, expected_tokens, neighbour, random_back

RESIDUAL_READ = 6
"""Cycles from an output's last term to the read of its residual; the data come one later."""


@dataclass(frozen=True)
class Vectors:
    """Inputs of each cycle, port name → value; writes (address, enable, data) and turns by cycle."""

    layer: int
    inputs: list[dict[str, int]]
    writes: dict[int, tuple[int, int, int]]
    turns: list[int]


def random_vectors(seed: int, config: Config, residual: bool, pool: bool, bubbles: float) -> Vectors:
    """One layer. Values are such that results lie inside and outside of int8."""
    rng = seeded(seed)
    back = random_back(seed, config, residual) | {"pool": int(pool), "pool_shift": rng.randint(0, 5)}
    back |= {"align_result": rng.randint(0, 2), "align_residual": rng.randint(0, 2)}
    back["residual_shift"] = rng.randint(0, 3)

    def operands(term: int | None, filter_: int | None = None) -> tuple[int, ...]:
        generator = random.Random(seed * 1000 + (term or 0) + 7919 * (filter_ or 0))
        if filter_ is None:
            return (some(generator, -128, 127),)
        return (some(generator, -(1 << 17), 1 << 17), generator.randint(8, 14))

    tokens = expected_tokens(back, config, operands, 0)
    inputs: list[dict[str, int]] = []
    writes: dict[int, tuple[int, int, int]] = {}
    turns: list[int] = []
    pooled: dict[int, int] = {}
    totals: list[int] = []

    def at(cycle: int) -> dict[str, int]:
        while len(inputs) <= cycle:
            inputs.append({"i__token": 0})
        return inputs[cycle]

    cycle = 0
    for token in tokens:
        while rng.random() < bubbles:
            cycle += 1
        fields = token.fields or dict.fromkeys(tokens[0].fields or {}, 0)
        packed = token_layout(config).const(fields | {"turn_end": token.turn_end})
        at(cycle)["i__token"] = Const.cast(packed).value
        delay = latency.POOLED_WRITE if pool else latency.WRITE
        if token.turn_end:
            turns.append(cycle + delay)
        if token.fields is not None:
            _term(config, back, token, at(cycle + 1), totals, rng)
            if fields["last"]:
                values = [saturate(round_shift(total, token.operands[2])) for total in totals]
                if residual:
                    other = [some(rng, -128, 127) for _ in range(config.lanes)]
                    at(cycle + RESIDUAL_READ + 1)["residual__data"] = join(other, 8)
                    other = other[fields["slice"] * config.basis :][: config.basis]
                    values = [_add(back, a, b) for a, b in zip(values, other, strict=True)]
                _write(config, back, fields, values, cycle + delay, writes, pooled)
        cycle += 1
    at(cycle + latency.POOLED_WRITE + 2)
    return Vectors(back_record(config).pack(**back), inputs, writes, turns)


def _term(
    config: Config, back: dict[str, int], token: Token, inputs: dict[str, int], totals: list[int], rng: Any
) -> None:
    """What comes with a term one cycle later; adds it to the totals of its slice."""
    assert token.fields is not None
    sums = [some(rng, -3000, 3000) for _ in range(config.lanes)]
    term, bias, shift = token.operands
    inputs |= {"i__sums": join(sums, config.accumulator_bits), "i__term": term & 255, "i__shift": shift}
    inputs["i__bias"] = bias & ((1 << formats.BIAS_BITS) - 1)
    if token.fields["first"]:
        totals[:] = [bias] * config.basis
    for i in range(config.basis):
        lane = token.fields["slice"] * config.basis + i
        product = term * neighbour(sums, lane, token.fields["column"], back["row_width"])
        if back["fold"] != Fold.LARGEST:
            totals[i] += product
        elif token.fields["first"] or signed(product, 8) > signed(totals[i], 8):
            totals[i] = bias + product


def _add(back: dict[str, int], result: int, residual: int) -> int:
    total = (result << back["align_result"]) + (residual << back["align_residual"])
    return saturate(round_shift(total, back["residual_shift"]))


def _write(
    config: Config,
    back: dict[str, int],
    fields: dict[str, int],
    values: list[int],
    cycle: int,
    writes: dict[int, tuple[int, int, int]],
    pooled: dict[int, int],
) -> None:
    """The write that an output slice leads to."""
    first = fields["slice"] * config.basis
    if back["relu"]:
        values = [max(0, value) for value in values]
    if fields["tail"]:
        values = [value if first + i < back["last_lanes"] else 0 for i, value in enumerate(values)]
    if not back["pool"]:
        mask = ((1 << config.basis) - 1) << first
        writes[cycle] = (fields["address"], mask, join([0] * first + values, 8))
        return
    before = 0 if fields["pool_first"] else pooled[fields["pool_index"]]
    pooled[fields["pool_index"]] = before + sum(values)
    if fields["pool_last"]:
        result = saturate(round_shift(pooled[fields["pool_index"]], back["pool_shift"]))
        address = (fields["address"] - (back["tiles"] - 1)) % config.feature_words
        writes[cycle] = (address, (1 << config.lanes) - 1, result & 255)
