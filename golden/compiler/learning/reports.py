"""Where the numbers that a step writes for the host lie."""

from dataclasses import dataclass

from golden.spec.commands import report_words


@dataclass(frozen=True)
class Reports:
    """Where the numbers of a step lie, in words from the report's first.

    Parameters
    ----------
    forward, backward: of each layer's norm: two counts, then two numbers for each channel.
    errors: of each layer's error pass: two counts.  updates: of each layer: Σ|G|, moved codes.
    words: of all.
    """

    forward: tuple[int, ...]
    backward: tuple[int, ...]
    errors: tuple[int, ...]
    updates: tuple[int, ...]
    words: int


def plan_reports(filters: list[int], lanes: int) -> Reports:
    """Of layers with so many filters."""
    each, at = report_words(lanes), 0
    parts: list[list[int]] = [[], [], [], []]
    for part, channels in zip(parts, (2, 2, 0, 0), strict=True):
        for count in filters:
            part.append(at)
            at += (2 + channels * count) * each
    return Reports(*(tuple(part) for part in parts), words=at)
