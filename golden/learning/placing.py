"""Tensors with lifespans placed in one memory."""

from bisect import insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from golden.spec.learning import LearningError


@dataclass(frozen=True)
class Life:
    """A tensor in memory.

    Parameters
    ----------
    kind: what it is, for pictures and sums.
    size: bytes, at least 1.
    first, last: the steps of time at which it is written first and read last.
    """

    name: str
    kind: str
    size: int
    first: int
    last: int


@dataclass(frozen=True)
class Placement:
    """Address of each tensor by name, and the bytes of the whole memory."""

    addresses: Mapping[str, int]
    size: int


def bound(lives: Sequence[Life]) -> int:
    """Bytes that no placement goes below: the most that are needed at one time."""
    return max(
        (sum(it.size for it in lives if it.first <= now <= it.last) for now in _times(lives)), default=0
    )


def _times(lives: Sequence[Life]) -> list[int]:
    return sorted({it.first for it in lives})


_ORDERS: tuple[Callable[[Life], tuple[int, ...]], ...] = (
    lambda it: (-it.size, it.first),
    lambda it: (it.first - it.last, -it.size),
    lambda it: (-it.size * (it.last - it.first + 1), it.first),
    lambda it: (it.first, -it.size),
    lambda it: (-it.last, -it.size),
)


_ROUNDS = 12
"""Times that an order is mended."""


def place(lives: Sequence[Life]) -> Placement:
    """The smallest of a few placements: largest first, longest first, …, each at its lowest free address.

    What lives all the time lies at the bottom. Where an order does not reach the bound, the tensor at the top
    of the memory goes to its front, and it is tried again. Source of the greedy order by size: Pisarchyk,
    Lee, arXiv 2001.03288.
    """
    span = (min((it.first for it in lives), default=0), max((it.last for it in lives), default=0))
    always = [it for it in lives if (it.first, it.last) == span]
    addresses, base = {}, 0
    for life in always:
        addresses[life.name] = base
        base += life.size
    best = _best([it for it in lives if (it.first, it.last) != span])
    addresses |= {name: base + address for name, address in best.addresses.items()}
    return Placement(addresses, base + best.size)


def _best(lives: Sequence[Life]) -> Placement:
    wanted, best = bound(lives), None
    for key in _ORDERS:
        order = sorted(lives, key=key)
        for _ in range(_ROUNDS):
            found = _in_order(order)
            if best is None or found.size < best.size:
                best = found
            if best.size == wanted:
                return best
            top = max(order, key=lambda it: found.addresses[it.name] + it.size)
            order.remove(top)
            order.insert(0, top)
    assert best is not None
    return best


def _in_order(lives: Sequence[Life]) -> Placement:
    placed: list[tuple[int, int, int, int]] = []
    addresses, size = {}, 0
    for life in lives:
        address = 0
        for start, end, first, last in placed:
            if first <= life.last and life.first <= last:
                if address + life.size <= start:
                    break
                address = max(address, end)
        addresses[life.name] = address
        insort(placed, (address, address + life.size, life.first, life.last))
        size = max(size, address + life.size)
    return Placement(addresses, size)


def check_placement(lives: Sequence[Life], found: Placement) -> None:
    """Raises LearningError naming what is wrong: two tensors at one place and time, or one outside.

    Knows nothing of how the placement came about.
    """
    if sorted(found.addresses) != sorted(life.name for life in lives):
        raise LearningError("placement: other tensors than those that live")
    for now in range(max((it.last for it in lives), default=-1) + 1):
        end, below = 0, "the beginning"
        for life in sorted(
            (it for it in lives if it.first <= now <= it.last), key=lambda it: found.addresses[it.name]
        ):
            address = found.addresses[life.name]
            if address < end:
                raise LearningError(f"placement: {life.name} at {address} lies on {below}, at time {now}")
            end, below = address + life.size, life.name
        if end > found.size:
            raise LearningError(f"placement: {below} ends at {end}; the memory has {found.size} bytes")
