"""Channels as the beats that travel through the LightNorm unit."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from golden.lightnorm.blocks import Blocks
from golden.spec.block import BlockFormat, NormFormat
from hw.lightnorm.layouts import Op, unit_size


def split_beats(values: np.ndarray, lanes: int) -> list[list[int]]:
    """A row of values in beats; the last one is filled with zeros."""
    row = [int(v) for v in values]
    row += [0] * (-len(row) % lanes)
    return [row[i : i + lanes] for i in range(0, len(row), lanes)]


def masks(count: int, lanes: int) -> list[int]:
    """The lane masks of a row of `count` values."""
    return [(1 << min(lanes, count - start)) - 1 for start in range(0, count, lanes)]


def beats(blocks: Blocks, channel: int, lanes: int) -> list[dict[str, Any]]:
    """A channel as beats of `hw.lightnorm.layouts.beat`; groups of pixels."""
    fmt = blocks.format
    row = blocks.magnitudes[channel]
    codes = [code(fmt, int(v)) for v in row]
    stored = [int(e) - fmt.exponent_low for e in blocks.exponents[channel]]
    each = max(1, lanes // fmt.group)
    result = []
    for number, (values, mask) in enumerate(
        zip(split_beats(np.array(codes), lanes), masks(len(row), lanes), strict=True)
    ):
        first = number * lanes // fmt.group
        exponents = stored[first : first + each]
        result.append(
            {
                "codes": values,
                "exponents": exponents + [0] * (each - len(exponents)),
                "mask": mask,
                "last": int((number + 1) * lanes >= len(row)),
            }
        )
    return result


def code(fmt: BlockFormat, value: int) -> int:
    """Sign and magnitude."""
    return abs(value) | (value < 0) << fmt.magnitude_bits


def seen(beat: Any) -> dict[str, Any]:
    """A beat that came out, in the form of `beats`; what the mask leaves out is zero."""
    return {
        "codes": [int(c) * (int(beat.mask) >> lane & 1) for lane, c in enumerate(beat.codes)],
        "exponents": [int(e) for e in beat.exponents],
        "mask": int(beat.mask),
        "last": int(beat.last),
    }


def as_bits(flags: Iterable[Any]) -> int:
    """A number whose bits are the flags, the first one lowest."""
    return sum(int(bool(flag)) << place for place, flag in enumerate(flags))


def joint_beats(
    fmt: NormFormat, blocks: Blocks, channel: int, lanes: int, backward: int
) -> list[dict[str, Any]]:
    """A channel as beats of `hw.lightnorm.layouts.either`; unused exponents of a last beat are zero."""
    one = blocks.format
    each = unit_size(fmt, lanes)
    result = []
    for beat in beats(blocks, channel, lanes):
        repeat = lanes // len(beat["exponents"]) // each
        result.append(
            {
                "backward": backward,
                "magnitudes": [c & one.largest for c in beat["codes"]],
                "signs": as_bits(c > one.largest for c in beat["codes"]),
                "exponents": [e for e in beat["exponents"] for _ in range(repeat)],
                "mask": beat["mask"],
                "last": beat["last"],
            }
        )
    return result


def joint_seen(beat: Any) -> dict[str, Any]:
    """A beat that came out, in the form of `joint_beats`; what the mask leaves out is zero."""
    inside = [int(beat.mask) >> lane & 1 for lane in range(len(beat.magnitudes))]
    return {
        "backward": int(beat.backward),
        "magnitudes": [int(m) * some for m, some in zip(beat.magnitudes, inside, strict=True)],
        "signs": int(beat.signs) & int(beat.mask),
        "exponents": [int(e) for e in beat.exponents],
        "mask": int(beat.mask),
        "last": int(beat.last),
    }


def pass_beats(op: Op, x: Blocks, dy: Blocks, channel: int, lanes: int) -> list[dict[str, Any]]:
    """A channel as beats of `hw.lightnorm.layouts.pass_beat`."""
    result = []
    for a, b in zip(beats(x, channel, lanes), beats(dy, channel, lanes), strict=True):
        values = {
            name: {key: beat[key] for key in ("codes", "exponents")} for name, beat in (("x", a), ("dy", b))
        }
        result.append({"op": op, **values, "mask": a["mask"], "last": a["last"]})
    return result
