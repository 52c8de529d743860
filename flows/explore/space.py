"""The configurations that a sweep may visit, and the order in which it does."""

import random
import reprlib
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from math import prod
from pathlib import Path
from typing import Any

from golden.spec.config import Config, ConfigError
from golden.spec.errors import LightDealError


@dataclass(frozen=True)
class Axes:
    """The values that a sweep draws from. Every field is an axis, a tuple of different values.

    Parameters
    ----------
    engines, lanes, accumulators, accumulator_bits, basis, window, instructions: as in `Config`;
        widths of a basis stage above the number of lanes are left out.
    feature_bytes: of the feature memory, shared by the lanes.
    coefficient_words: of the coefficient memories, shared by the engines and rounded up to a power
        of two each; a power of two itself.
    table_words: of the tap and filter memories; the term memory has four times as many.
    dsp: the products of the basis stage lie in DSP blocks, or in logic.

    Raises LightDealError for an axis without values, with a value twice or with one that no
    configuration may have.
    """

    engines: tuple[int, ...] = (1, 2, 3, 4, 6, 8)
    lanes: tuple[int, ...] = (4, 8, 16, 32)
    accumulators: tuple[int, ...] = (4, 8, 16)
    accumulator_bits: tuple[int, ...] = (19, 20, 22, 24)
    basis: tuple[int, ...] = (1, 2, 4, 8, 16)
    window: tuple[int, ...] = (8, 16, 32)
    feature_bytes: tuple[int, ...] = (8192, 16384, 32768)
    coefficient_words: tuple[int, ...] = (4096, 8192, 16384, 32768)
    table_words: tuple[int, ...] = (256, 512, 1024)
    instructions: tuple[int, ...] = (16, 64)
    dsp: tuple[bool, ...] = (False, True)

    def __post_init__(self) -> None:
        for field in fields(self):
            values = getattr(self, field.name)
            kind = bool if field.name == "dsp" else int
            for value in values:
                if type(value) is not kind or abs(value) >= 2**32:
                    legal = "true and false" if kind is bool else "integers below 2^32"
                    raise LightDealError(f"axis {field.name}: value {reprlib.repr(value)}; legal: {legal}")
            if not values or len(set(values)) < len(values):
                raise LightDealError(f"axis {field.name} = {list(values)}; legal: a list of different values")
        for words in self.coefficient_words:
            if words < 1 or words & (words - 1):
                raise LightDealError(f"axis coefficient_words: value {words}; legal: powers of two")
        for field in fields(self):
            # Those two are tried below, beside what they are divided by.
            if field.name not in ("feature_bytes", "coefficient_words"):
                for value in getattr(self, field.name):
                    self._try(field.name, value, {})
        for lanes in self.lanes:
            if min(self.basis) > lanes:
                raise LightDealError(
                    f"axis basis = {list(self.basis)}: none fits {lanes} lanes; legal: one of at most {lanes}"
                )
            for value in self.feature_bytes:
                self._try("feature_bytes", value, {"lanes": lanes})
        for engines in self.engines:
            for value in self.coefficient_words:
                self._try("coefficient_words", value, {"engines": engines})

    def _widths(self, lanes: int) -> list[int]:
        return [basis for basis in self.basis if basis <= lanes]

    @staticmethod
    def _try(axis: str, value: object, others: dict[str, int]) -> None:
        try:
            _config(_LEGAL | others | {axis: value})
        except ConfigError as error:
            beside = "".join(f" with {name} {other}" for name, other in others.items())
            raise LightDealError(f"axis {axis}: value {value}{beside}: {error}") from error

    @property
    def size(self) -> int:
        """How many different choices there are."""
        others = prod(len(getattr(self, field.name)) for field in fields(self)) // len(self.basis)
        return others // len(self.lanes) * sum(len(self._widths(lanes)) for lanes in self.lanes)

    def draw(self, source: random.Random) -> dict[str, Any]:
        """One value of every axis, each drawn evenly."""
        lanes = source.choice(self.lanes)
        choice = {
            field.name: source.choice(getattr(self, field.name))
            for field in fields(self)
            if field.name not in ("lanes", "basis")
        }
        return choice | {"lanes": lanes, "basis": source.choice(self._widths(lanes))}


_LEGAL: dict[str, Any] = {
    "engines": 1,
    "lanes": 64,
    "accumulators": 8,
    "accumulator_bits": 20,
    "basis": 1,
    "window": 8,
    "feature_bytes": 65536,
    "coefficient_words": 4096,
    "table_words": 256,
    "instructions": 16,
    "dsp": False,
}
"""One choice that every other value is tried with, a value at a time."""


def _config(choice: dict[str, Any]) -> Config:
    engines, lanes = choice["engines"], choice["lanes"]
    words = -(-choice["coefficient_words"] // max(engines, 1))
    same = ("accumulators", "accumulator_bits", "basis", "window", "instructions")
    return Config(
        f"{engines}x{lanes}",
        engines,
        lanes,
        **{name: choice[name] for name in same},
        feature_words=choice["feature_bytes"] // max(lanes, 1),
        coefficient_words=1 << (words - 1).bit_length(),
        tap_words=choice["table_words"],
        term_words=4 * choice["table_words"],
        filter_words=choice["table_words"],
    )


def read_axes(path: Path | None) -> Axes:
    """The axes of a TOML file of lists, the others as they are by default; None: all by default.

    Raises LightDealError for a file that cannot be read, an unknown axis or a wrong value.
    """
    if path is None:
        return Axes()
    try:
        values = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise LightDealError(f"axes {path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, a date that is none
        raise LightDealError(f"axes {path}: not TOML: {error}") from error
    legal = [field.name for field in fields(Axes)]
    for name, value in values.items():
        if name not in legal:
            raise LightDealError(f"axes {path}: unknown axis {name!r}; legal: {', '.join(legal)}")
        if not isinstance(value, list):
            raise LightDealError(
                f"axes {path}: {name} = {(shown := reprlib.repr(value))}; "
                f"legal: a list, such as {name} = [{shown}]"
            )
    try:
        return replace(Axes(), **{name: tuple(value) for name, value in values.items()})
    except LightDealError as error:
        raise LightDealError(f"axes {path}: {error}") from error


@dataclass(frozen=True)
class Point:
    """A trained network, by name, on a configuration.

    Parameters
    ----------
    dsp: the products of its basis stage lie in DSP blocks; cycles and energy are the same.
    """

    network: str
    config: Config
    dsp: bool = False


def draw_points(networks: Sequence[str], count: int, seed: int, axes: Axes | None = None) -> list[Point]:
    """`count` different points, or all there are if they are fewer; a larger count only appends.

    Parameters
    ----------
    networks: names of the trained networks.

    Raises LightDealError for a count below 1.
    """
    if count < 1:
        raise LightDealError(f"points {count}; legal: 1 or more")
    axes = axes or Axes()
    count = min(count, axes.size * len(networks))
    found: dict[Point, None] = {}
    draws = _draws(networks, axes, random.Random(seed))
    while len(found) < count:
        found[next(draws)] = None
    return list(found)


def _draws(networks: Sequence[str], axes: Axes, source: random.Random) -> Iterator[Point]:
    while True:
        network, choice = source.choice(networks), axes.draw(source)
        yield Point(network, _config(choice), choice["dsp"])
