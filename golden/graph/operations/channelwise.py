"""What products have in common that take each channel for itself."""

from __future__ import annotations

from collections.abc import Iterator

from golden.graph.operations.integers import Problem, Shape
from golden.graph.operations.window import Window
from golden.spec.memories import MAX_CHANNELS


class Channelwise:
    """A product whose filters are the channels of its input.

    Parameters
    ----------
    filters: channels.
    window: what a filter sees of its channel.
    called: with the channels, in errors.
    """

    filters: int
    window: Window
    called = "products"

    @property
    def kernel(self) -> tuple[int, int]:
        """(height, width)."""
        return self.window.kernel

    @property
    def groups(self) -> int:
        """Each channel for itself."""
        return self.filters

    @property
    def group_channels(self) -> int:
        """Channels that a filter sees."""
        return 1

    def shape(self, shape: Shape) -> Shape:
        """Of the map for an input of `shape`."""
        return (self.filters, *self.window.size(*shape[1:]))

    def window_problems(self, shape: Shape) -> Iterator[Problem]:
        """What leaves no map at all, for an input of `shape`."""
        yield from self.window.problems(*shape[1:])

    def problems(self, shape: Shape) -> Iterator[Problem]:
        """What no configuration can run, for an input of `shape`."""
        if not 1 <= self.filters <= MAX_CHANNELS or self.filters != shape[0]:
            yield f"{self.called} of {self.filters} of {shape[0]} channels", f"all, 1…{MAX_CHANNELS}"
        yield from self.window.stride_problems()
