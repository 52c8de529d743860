"""How long work tells how far it is."""

from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with a message and the fraction done, 0…1."""


def silent(message: str, fraction: float) -> None:
    """Progress that nobody watches."""
