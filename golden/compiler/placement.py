"""Tensors with lifespans placed in one memory: of an inference or a step on a device, or of a step in bytes.

An inference counts time in layers. The drain of layer n writes while its fetch still reads, and it begins
only when layer n−1 is done (docs/machine.md, section 6). So a tensor occupies its words from the
layer that writes it to the last layer that reads it, both included.
"""

from bisect import insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from golden.spec.errors import CapacityError, LightDealError


class PlacementError(LightDealError):
    """Two tensors at one place and time, or one outside the memory: names both."""


@dataclass(frozen=True)
class Life:
    """A tensor in memory.

    Parameters
    ----------
    size: at least 1, words or bytes.
    first, last: the steps of time at which it is written first and read last.
    kind: what it is, for pictures and sums.
    """

    name: str
    size: int
    first: int
    last: int
    kind: str = "tensor"


@dataclass(frozen=True)
class Placement:
    """Address of each tensor by name, and the size of the whole memory."""

    addresses: Mapping[str, int]
    size: int


def bound(lives: Sequence[Life]) -> int:
    """The size that no placement goes below: the most that is needed at one time."""
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
    """Largest first, each at its lowest free address, if that reaches the bound; else the smallest of a few.

    Then what lives all the time lies at the bottom, and other orders are tried: longest first, …. Where one
    does not reach the bound, the tensor at the top of the memory goes to its front, and it is tried again.
    Source of the greedy order by size: Pisarchyk, Lee, arXiv 2001.03288.
    """
    first = _in_order(sorted(lives, key=_ORDERS[0]))
    if first.size == bound(lives):
        return first
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


def place_within(lives: Sequence[Life], words: int) -> Placement:
    """`place` in a feature memory of so many words.

    Raises CapacityError naming the first tensor that does not fit, its end and the words there are.
    """
    found = place(lives)
    for life in sorted(lives, key=lambda it: (-it.size, it.first)):
        end = found.addresses[life.name] + life.size
        if end > words:
            raise CapacityError(
                f"feature memory: tensor {life.name!r} of {life.size} words does not fit beside "
                f"the tensors of layers {life.first}…{life.last}: it would end at word "
                f"{end}, feature_words is {words}"
            )
    return found


def check_placement(lives: Sequence[Life], found: Placement) -> None:
    """Raises PlacementError naming what is wrong: two tensors at one place and time, or one outside.

    Knows nothing of how the placement came about.
    """
    if sorted(found.addresses) != sorted(life.name for life in lives):
        raise PlacementError("placement: other tensors than those that live")
    for now in range(max((it.last for it in lives), default=-1) + 1):
        end, below = 0, "the beginning"
        for life in sorted(
            (it for it in lives if it.first <= now <= it.last), key=lambda it: found.addresses[it.name]
        ):
            address = found.addresses[life.name]
            if address < end:
                raise PlacementError(f"placement: {life.name} at {address} lies on {below}, at time {now}")
            end, below = address + life.size, life.name
        if end > found.size:
            raise PlacementError(f"placement: {below} ends at {end}; the memory ends at {found.size}")
