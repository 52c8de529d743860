"""What a proof sees of the fetch unit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Signal, Value


@dataclass(frozen=True)
class FetchProbe:
    """What a proof watches of a fetch unit; there once it is elaborated.

    Parameters
    ----------
    states: name → the state machine is in that state.
    counter: number of the instruction that is read.
    walk: where it is, name → register: the instruction `now`, whose first channel and what that waits for
        move with the rounds, with `round_engine`; `round`, `tile`, `channel`, `tap`, from 1 on, with all that
        `hw.parts.position` keeps of them; `decoding`, `on_row`, `at_marker`: it is at an instruction, at a
        row with data, at a marker; `tap_at`, `tap_base`, `channel_base`, addresses; `ready_turns`,
        `ready_engine`, `ready_left`, what its channel waits for; `last_ready`: it is the last one of its
        turn; `alone_ready`: so are all.
    valid, marker, rewind, low: of the rows in the walk's lead, a bit each.
    needs, bases: turns and addresses of the same rows.  tap_word: of the second.
    advance, issue: the walk goes on, the last row of the lead is issued in this cycle.
    row, following: numbers of the row that is issued next and of the one behind it.
    fetched: turns whose markers the walk has passed.
    """

    states: Mapping[str, Value]
    counter: Signal
    walk: Mapping[str, Any]
    valid: Signal
    marker: Signal
    rewind: Signal
    low: Signal
    needs: Sequence[Signal]
    bases: Sequence[Signal]
    tap_word: Any
    advance: Signal
    issue: Signal
    row: Signal
    following: Signal
    fetched: Signal
