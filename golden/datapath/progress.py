"""Where a run stops for good: what the units wait for when the words of a program do not agree.

The hardware notices a wrong coefficient stream by the rows that it meets. Rows that never come, since their
turns are never done or since no job follows, show nothing, and the run ends in TIMEOUT.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from golden.spec import formats
from golden.spec.errors import ErrorCode
from golden.spec.memories import TURN_BITS

Int64 = npt.NDArray[np.int64]
Instruction = tuple[dict[str, int], dict[str, int]]
"""Field values of a front and a back word."""


@dataclass(frozen=True)
class Stop:
    """Where turns alone stop a run.

    Parameters
    ----------
    layer, round: the first whose jobs do not end; the number of layers and 0 if jobs are missing at the end.
    turns: turns that are done then, which some of its rows may need; None if none of its rows is looked at.
    reason: for the text of an error.
    """

    layer: int
    round: int
    turns: int | None
    reason: str


def first_stop(instructions: Sequence[Instruction], engines: int) -> Stop | None:
    """Where turns alone stop a run whose coefficient streams are right; None if they do not.

    Jobs are counted by the front words, and drained by the back words: an engine has two banks for jobs
    that nobody drains.
    """
    drained = sum(back["rounds"] * back["tiles"] for _, back in instructions)
    job = 0
    for layer, (front, _) in enumerate(instructions):
        for number in range(front["rounds"]):
            done = min(job, drained) * engines
            if (needed := int(round_needs(front, number, engines).max())) > done:
                return Stop(
                    layer, number, done, f"layer {layer} waits for {needed} turns; {done} are ever done"
                )
            if job > drained + 1:
                reason = f"job {job} of the front words; the back words have {drained}"
                return Stop(layer, number, None, reason)
            job += front["tiles"]
    if job != drained:
        reason = f"{job} jobs in the front words, {drained} in the back words"
        return Stop(len(instructions), 0, None, reason)
    return None


def wrong_block(
    code: Int64, advance: Int64, instructions: Sequence[Instruction], first: int, turns: int, engines: int
) -> ErrorCode:
    """What the hardware says of a block that does not end with the rows of its job, or whose job never ends.

    Parameters
    ----------
    code, advance: entries from the block's first one to the end of the stream.
    instructions: from the block's layer on.  first: the job in that layer.
    turns: turns that are ever done.  engines: of the configuration.

    STREAM if an END meets another row than a marker, or a coefficient a marker. TIMEOUT if the rows of a pair
    never come, or if the block takes the next marker for its own.
    """
    rows, markers = _rows_to_come(instructions, first, turns, engines)
    row = 0
    for at in range(0, len(code) - 1, 2):
        ends = [int(code[at]) == formats.CODE_END, int(code[at + 1]) == formats.CODE_END]
        places = [row + int(advance[at])]
        if not ends[0]:
            places.append(places[0] + int(advance[at + 1]))
        row = places[-1]
        if row >= rows:
            return ErrorCode.TIMEOUT
        for place, end, entry in zip(places, ends, code[at : at + 2], strict=False):
            if end != (place in markers) and (end or entry & formats.CODE_ZERO != formats.CODE_ZERO):
                return ErrorCode.STREAM
        if any(ends[: len(places)]):
            return ErrorCode.TIMEOUT
    return ErrorCode.STREAM


def _rows_to_come(
    instructions: Sequence[Instruction], first: int, turns: int, engines: int
) -> tuple[int, set[int]]:
    """How many rows come from a job on, its own included, and which of them are markers.

    Few are enough: a wrong block is found within two jobs, and engines do not lie further apart.
    """
    count, markers = 0, set[int]()
    for needs, taps in _jobs(instructions, first, engines):
        late = np.flatnonzero(needs > turns)
        if len(late) or len(markers) == 3:
            return count + (int(late[0]) * taps if len(late) else 0), markers
        count += len(needs) * taps + 1
        markers.add(count - 1)
    return count, markers


def _jobs(instructions: Sequence[Instruction], first: int, engines: int) -> Iterator[tuple[Int64, int]]:
    """(turns that each channel needs, taps) of the jobs from a job of the first layer on."""
    for layer, (front, _) in enumerate(instructions):
        for job in range(first if layer == 0 else 0, front["rounds"] * front["tiles"]):
            yield round_needs(front, job // front["tiles"], engines), front["taps"]


def round_needs(front: Mapping[str, int], number: int, engines: int) -> Int64:
    """Turns that must be done before each channel of a round is read (docs/machine.md, section 6)."""
    turn = np.arange(front["channels"]) // front["ready_channels"]
    turn += number * front.get("moves", 0) * (front["channels"] // front["ready_channels"])
    needs: Int64 = front["ready_first"] + turn + turn // engines * front["ready_step"]
    return needs & ((1 << TURN_BITS) - 1)
