"""Where tensors lie in the feature memory.

Time is counted in layers. The drain of layer n writes while its fetch still reads, and it begins
only when layer n−1 is done (docs/machine.md, section 6). So a tensor occupies its words from the
layer that writes it to the last layer that reads it, both included.
"""

from dataclasses import dataclass

from golden.spec.errors import CapacityError


@dataclass(frozen=True)
class Demand:
    """Words that a tensor needs, from layer `first` to layer `last`, both included."""

    name: str
    words: int
    first: int
    last: int


def place(demands: list[Demand], capacity: int) -> dict[str, int]:
    """First word of each tensor; the largest first, each at the lowest address that is free.

    Raises CapacityError naming the tensor, the words needed and the words there are.
    """
    placed: list[tuple[int, Demand]] = []
    for demand in sorted(demands, key=lambda d: (-d.words, d.first)):
        address = 0
        for start, other in sorted(placed, key=lambda item: item[0]):
            alive = other.first <= demand.last and demand.first <= other.last
            if alive and start < address + demand.words:
                address = max(address, start + other.words)
        if address + demand.words > capacity:
            raise CapacityError(
                f"feature memory: tensor {demand.name!r} of {demand.words} words does not fit beside "
                f"the tensors of layers {demand.first}…{demand.last}: it would end at word "
                f"{address + demand.words}, feature_words is {capacity}"
            )
        placed.append((address, demand))
    return {demand.name: address for address, demand in placed}
