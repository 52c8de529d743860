"""What goes to a device that learns and comes back: requests behind the images, numbers of a result."""

from enum import IntEnum

REQUEST_BYTES = 4
"""In front of the labels, a byte each: Request, L of the code rate (with sign), plain rate (without), 0.

They stand in whole words behind the words of the images, zeros after the last label.
"""
STILL_RATE = -128
"""In place of L: codes and counters stay."""
NUMBER_BYTES = 8
"""Of a number of a result, the lowest first, with sign."""


class Request(IntEnum):
    """What a run is to do."""

    STEP = 0
    """A step of training on the images and labels."""
    SAVE = 1
    """The result has, behind its header, the words of the state, and then codes and counters."""
    CLEAR = 2
    """All gradients become zero, as they must be before the first step; random numbers are drawn."""


class Status(IntEnum):
    """What became of a request; if not DONE, nothing that is kept has changed."""

    DONE = 0
    REQUEST = 1
    """There is no such request, or no such rate of codes."""
    LABEL = 2
    """A label is none of the network's classes."""


class Result(IntEnum):
    """Numbers of the header of a result, in order: a whole word of any device."""

    STATUS = 0
    STEPS = 1
    """Steps done since the beginning of the training."""
    LOSS = 2
    """Sum over the images, 256ths of a bit."""
    CORRECT = 3
    """Images whose largest logit is their label's."""
    MOVED = 4
    """Codes that moved."""
    KEPT = 5
    """Codes that learn."""
    IMAGES = 6
    WHERE = 7
    """LABEL: the first image whose label is wrong."""
