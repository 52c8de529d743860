"""Back words, and the terms that must come of them."""

from dataclasses import dataclass
from typing import Any

from golden.spec import formats, latency
from golden.spec.config import Config
from golden.spec.memories import Fold, Operation, back_record
from tests.hw.bench import any_value, seeded


@dataclass(frozen=True)
class Token:
    """A term as it must come; of an engine without filters only engine, bank and turn_end count."""

    engine: int
    bank: int
    turn_end: int
    fields: dict[str, int] | None = None
    slot: int = 0
    part: int = 0
    read: int = 0
    operands: tuple[int, int, int] = (0, 0, 0)
    gap: int = 0
    starts_layer: bool = False


def random_back(seed: int, config: Config, residual: bool, fold: Fold | None = None) -> dict[str, int]:
    """A legal back word."""
    rng = seeded(seed)
    values = {field.name: any_value(rng, field) for field in back_record(config).fields}
    values |= {"operation": Operation.LAYER, "fold": rng.choice(list(Fold)) if fold is None else fold}
    values["group"] = rng.choice(formats.GROUPS)
    values["rounds"], values["tiles"] = rng.randint(1, 2), rng.randint(1, 4)
    if values["fold"] == Fold.COLUMN:
        values["engine_filters"] = rng.randint(1, config.accumulators // 3)
    elif values["fold"] == Fold.LARGEST:
        values["engine_filters"] = rng.randint(1, config.accumulators // values["group"])
    else:
        values["engine_filters"] = rng.randint(1, config.accumulators // values["group"] * values["group"])
    # The last engines of the last round may have few filters or none.
    room = values["engine_filters"] * config.engines
    values["filters"] = rng.randint(max(1, (values["rounds"] - 1) * room), values["rounds"] * room)
    each = 9 if values["fold"] == Fold.COLUMN else values["group"]
    values["filters"] = min(values["filters"], config.term_words // each)
    values["term_address"] = rng.randint(0, config.term_words - values["filters"] * each)
    values["filter_address"] = rng.randint(0, config.filter_words - values["filters"])
    values["row_width"] = rng.choice([1, 2, 4])
    values["last_lanes"] = rng.randint(1, config.lanes)
    values["plane_tiles"] = rng.choice([1, 2, values["tiles"]])
    values["residual"] = int(residual)
    return values


def expected_tokens(back: dict[str, int], config: Config, operands: Any, job: int) -> list[Token]:
    """The terms of a layer whose first job has that number; operands(term, filter) are what goes with it."""
    tokens: list[Token] = []
    each = 9 if back["fold"] == Fold.COLUMN else back["group"]
    share = back["engine_filters"]
    slices = config.lanes // config.basis
    gap = 0 if not back["residual"] else latency.POOLED_RESIDUAL_GAP if back["pool"] else latency.RESIDUAL_GAP
    for round_ in range(back["rounds"]):
        for tile in range(back["tiles"]):
            for engine in range(config.engines):
                first = (round_ * config.engines + engine) * share
                members = range(first, max(first, min(first + share, back["filters"])))
                if not members:
                    tokens.append(Token(engine, job % 2, 1, starts_layer=not tokens))
                for member in members:
                    for place in range(slices):
                        for term in range(each):
                            j = member - first
                            column = back["fold"] == Fold.COLUMN
                            # The filters before it that share its sums.
                            shared = j % each if back["fold"] == Fold.GROUP else 0
                            own = 3 if column else 1 if back["fold"] == Fold.GROUP else each
                            slot = (j - shared) * own + (term // 3 if column else term)
                            part = term // 3 if column else term
                            # A sum is read when the group is new, then kept.
                            read = place == 0 and (term % 3 == 0 if column else shared == 0)
                            last = term == each - 1
                            fields = {
                                "valid": 1,
                                "first": int(term == 0),
                                "last": int(last),
                                "column": term % 3 if column else 1,
                                "slice": place,
                                "address": back["output_address"] + member * back["output_stride"] + tile,
                                "tail": int(tile % back["plane_tiles"] == back["plane_tiles"] - 1),
                                "pool_index": engine * share + j,
                                "pool_first": int(tile == 0 and place == 0),
                                "pool_last": int(tile == back["tiles"] - 1 and place == slices - 1),
                            }
                            fields["address"] %= config.feature_words
                            end = last and place == slices - 1 and member == members[-1]
                            data = operands(back["term_address"] + member * each + term)
                            data += operands(None, back["filter_address"] + member)
                            sums = (slot, part, int(read))
                            tokens.append(
                                Token(engine, job % 2, int(end), fields, *sums, data, gap, not tokens)
                            )
            job += 1
    return tokens


def neighbour(sums: list[int], lane: int, column: int, width: int) -> int:
    """The sum that a lane uses: P(x + column − 1), zero outside its map row of `width` lanes."""
    other = lane + column - 1
    return sums[other] if other // width == lane // width and 0 <= other < len(sums) else 0
