"""A place in a loop."""

from amaranth.hdl import Module, Signal, Value


class Position:
    """A count up to a limit of at least one value, and whether it stands at its last one.

    All of it are registers: comparisons behind the count would make a walk's longest path.

    Parameters
    ----------
    m, name: where the registers lie, and how they are called.
    limit: how many values it takes, in the cycle of `load`.  first: the first one, 0 or 1.

    `value` and `last` are what it says; `registers` has all, by name, for proofs.
    """

    def __init__(self, m: Module, name: str, limit: Value, first: int = 0) -> None:
        self._m, self._limit, self._first = m, limit, first
        self.value = Signal.like(limit, name=name)
        self.last = Signal(name=f"last_{name}")
        self._alone = Signal(name=f"alone_{name}")
        self._before_last = Signal.like(limit, name=f"before_last_{name}")
        self.registers = {
            name: self.value,
            f"last_{name}": self.last,
            f"alone_{name}": self._alone,
            f"before_last_{name}": self._before_last,
        }

    def load(self) -> None:
        """Take a new limit, and go to the first value."""
        alone = self._limit == 1
        self._m.d.sync += [
            self.value.eq(self._first),
            self.last.eq(alone),
            self._alone.eq(alone),
            self._before_last.eq(self._limit + self._first - 2),
        ]

    def clear(self) -> None:
        """Go to the first value."""
        self._m.d.sync += [self.value.eq(self._first), self.last.eq(self._alone)]

    def next(self) -> None:
        """Go to the next value."""
        self._m.d.sync += [self.value.eq(self.value + 1), self.last.eq(self.value == self._before_last)]
