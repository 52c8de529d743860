"""Which instructions the units can follow: one table, read by decoder, fetch unit, drain and docs/machine.md.

A rule is asked of the fields of a word by their names: of integers in golden, of signals in hardware. So it
uses comparisons, & and | alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any

from golden.spec import formats
from golden.spec.config import Config
from golden.spec.memories import Fold, Operation


@dataclass(frozen=True)
class Rule:
    """What one field of an instruction must be.

    Parameters
    ----------
    field: its name.  legal: what it may be, for people.
    holds: (fields by name, configuration) → whether it is; a bool, or a value of one bit.
    """

    field: str
    legal: str
    holds: Callable[[Any, Config], Any]


def legal(rules: tuple[Rule, ...], word: Any, config: Config) -> Any:
    """Whether all rules hold."""
    return reduce(and_, (rule.holds(word, config) for rule in rules))


def _present(field: str) -> Rule:
    return Rule(field, "at least 1", lambda word, _: word[field] != 0)


def _fit(word: Any, config: Config) -> Any:
    """The filters of an engine have their slots: in whole groups, three each in COLUMN, or each its own."""
    filters, fold = word["engine_filters"], word["fold"]
    grouped = reduce(
        or_,
        (
            (word["group"] == group) & (filters <= config.accumulators // group * group)
            for group in formats.GROUPS
        ),
    )
    each = filters <= config.accumulators // formats.BASIS
    own = reduce(
        or_,
        ((word["group"] == group) & (filters <= config.accumulators // group) for group in formats.GROUPS),
    )
    columns, largest = (fold == Fold.COLUMN) & each, (fold == Fold.LARGEST) & own
    single = (word["group"] == 1) & (filters <= config.accumulators)
    ways = [
        *([columns] if config.bases else []),
        *([largest] if config.largest else []),
        (fold == Fold.GROUP) & (grouped if config.bases else single),
    ]
    return (filters != 0) & reduce(or_, ways)


def _one_of(field: str, values: Callable[[Config], tuple[int, ...]], text: str) -> Rule:
    return Rule(
        field, text, lambda word, config: reduce(or_, (word[field] == value for value in values(config)))
    )


def _widths(config: Config) -> tuple[int, ...]:
    return tuple(1 << i for i in range(config.lanes.bit_length())) if config.bases else (1,)


LAYER = Rule("operation", "LAYER, or END", lambda word, _: word["operation"] == Operation.LAYER)
"""END is no layer: the program ends there, and no other field counts."""

FRONT = (LAYER, *(_present(name) for name in ("rounds", "tiles", "channels", "taps", "ready_channels")))
"""Of the half that the fetch unit reads."""

BACK = (
    LAYER,
    *(_present(name) for name in ("rounds", "tiles", "filters", "plane_tiles")),
    _one_of("group", lambda _: formats.GROUPS, "1…4"),
    Rule(
        "engine_filters",
        "at least 1, and slots for all: `accumulators` in whole groups, three a filter in COLUMN, `group` a "
        "filter in LARGEST, where the configuration has `largest`; without `bases` groups of one, no COLUMN",
        _fit,
    ),
    Rule(
        "last_lanes",
        "1…`lanes`",
        lambda word, config: (word["last_lanes"] != 0) & (word["last_lanes"] <= config.lanes),
    ),
    _one_of("row_width", _widths, "a power of two up to `lanes`; 1 without `bases`"),
)
"""Of the half that the drain reads."""
