"""The instructions of the array's passes."""

from dataclasses import dataclass

from golden.compiler.instructions import end_words
from golden.compiler.taps import Tap
from golden.device.back_parts import BackPart
from golden.spec.config import Config
from golden.spec.learning import ArrayShape
from golden.spec.memories import Fold, Operation, back_record, front_record
from golden.spec.tensor import Tensor


@dataclass(frozen=True)
class Pass:
    """A pass of the array: its parts, one after the other; taps_at: first tap word of each.

    filters: of the target, whole rounds.
    """

    source: Tensor
    target: Tensor
    parts: tuple[BackPart, ...]
    taps_at: list[int]
    filters: range


def part_taps(taps: list[Tap], part: BackPart, kernel: int) -> list[Tap]:
    """Those of a part, of a table of all tiles with so many kernel positions each."""
    tiles = range(part.first, part.first + part.tiles)
    return [taps[tile * kernel + position] for tile in tiles for position in part.positions]


def pass_words(
    array: ArrayShape, passes: list[Pass], config: Config
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Front and back words: each pass has a layer for each part, and an END."""
    front: list[int] = []
    back: list[int] = []
    end_front, end_back = end_words(config)
    for it in passes:
        rounds = -(-len(it.filters) // array.round_filters(it.target.shape[0]))
        for part, taps_at in zip(it.parts, it.taps_at, strict=True):
            front.append(_front(config, rounds, part, taps_at, it.source))
            back.append(_back(config, rounds, part, array, it))
        front.append(end_front)
        back.append(end_back)
    return tuple(front), tuple(back)


def _front(config: Config, rounds: int, part: BackPart, taps_at: int, source: Tensor) -> int:
    values = {field.name: 0 for field in front_record(config).fields} | {
        "operation": Operation.LAYER,
        "rounds": rounds,
        "tiles": part.tiles,
        "channels": source.shape[0],
        "taps": len(part.positions),
        "tap_address": taps_at,
        "input_address": source.address,
        "input_stride": source.stride,
        "ready_channels": source.shape[0],
    }
    return front_record(config).pack(**values)


def _back(config: Config, rounds: int, part: BackPart, array: ArrayShape, it: Pass) -> int:
    target = it.target
    values = {field.name: 0 for field in back_record(config).fields} | {
        "operation": Operation.LAYER,
        "rounds": rounds,
        "tiles": part.tiles,
        "fold": Fold.GROUP,
        "group": 1,
        "filters": len(it.filters),
        "engine_filters": array.engine_filters(target.shape[0]),
        "row_width": config.lanes,
        "output_address": target.address + it.filters.start * target.stride + part.first,
        "output_stride": target.stride,
        "plane_tiles": part.tiles,
        "last_lanes": config.lanes,
    }
    return back_record(config).pack(**values)
