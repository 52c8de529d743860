"""Configurations of the accelerator: sizes as values, validated, with a digest."""

import hashlib
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from golden.spec import arithmetics, formats
from golden.spec.errors import LightDealError

ADDRESS_BITS = 16
"""Width of the address of a memory word in a program image; no memory is deeper than it reaches."""


MAX_ENGINES = 64

LEARNING_LANES = 4
"""What learns works on `basis` lanes at a time, in whole groups of LightNorm: of so many values."""

TABLES = (0, 1, 3, 7, 15)
"""Legal numbers of tables: all values of the field that names one are legal, or none."""

_LEFT_OUT = {"largest": True, "moves": True, "bases": True, "gates": False}
"""Operations that may be left out, and whether they are there unless it is said."""
_NO_SIZES = ("name", *_LEFT_OUT, "arithmetic", "learning")
"""Fields that are no whole numbers."""
_OF_LEARNING = ("controller_instructions", "controller_words")
"""Sizes of what only a configuration that learns has."""


class ConfigError(LightDealError):
    """A configuration that cannot work: names field, value and legal set."""


def _power_of_two(value: int) -> bool:
    return value > 0 and value & (value - 1) == 0


@dataclass(frozen=True)
class Config:
    """Sizes of one accelerator.

    Parameters
    ----------
    name: identifier, not part of the digest.
    engines: coefficient streams that work side by side on different filters.
    lanes: shift-adders of an engine, one per neighbouring pixel; a power of two.
    accumulators: partial sums of a lane in each of its two banks; 4…16, a power of two.
    accumulator_bits: width of a partial sum; 16…32.
    basis: multipliers of the basis stage; divides `lanes`, a power of two.
    window: input rows held for the engines; a power of two, 8…64.
    feature_words: depth of the activation memory, in words of `lanes` bytes.
    coefficient_words: depth of each engine's coefficient memory, in words (pairs of entries).
    tap_words: depth of the tap memory (one word per tile and kernel position).
    term_words: depth of the memory of basis terms (bytes).
    filter_words: depth of the memory of biases and shifts (one word per filter).
    instructions: layers that a program may have.
    tables: functions of one value, 256 entries each, that a program may have; 0, 1, 3, 7 or 15. Not in a
        configuration that learns.
    largest: max pooling: the fold LARGEST.
    moves: a round of a layer in groups, or of pooling, may fetch the channels of its own filters alone; else
        it fetches all.
    bases: filters may have a basis: sums that several terms multiply, in the foldings GROUP of more than one
        filter and COLUMN; without it each filter has its scale alone.
    gates: a tensor of one pixel for each channel may be the factors of another's channels, as in squeeze and
        excitation. Not in a configuration that learns.
    arithmetic: what a lane does with a weight (`golden.spec.arithmetics`); decides what the coefficient
        memories hold.
    learning: the engines learn too (docs/learning.md): gradients and counters stand beside the coefficients.
        Demands the arithmetic shift_add and a basis that is a multiple of 4.
    controller_instructions, controller_words: depths of the memories of the controller of a device that
        learns (`golden.spec.controller`).
    """

    name: str
    engines: int
    lanes: int
    accumulators: int = 16
    accumulator_bits: int = 22
    basis: int = 16
    window: int = 16
    feature_words: int = 2048
    coefficient_words: int = 4096
    tap_words: int = 1024
    term_words: int = 4096
    filter_words: int = 1024
    instructions: int = 64
    tables: int = 0
    largest: bool = True
    moves: bool = True
    bases: bool = True
    gates: bool = False
    arithmetic: str = arithmetics.SHIFT_ADD.name
    learning: bool = False
    controller_instructions: int = 2048
    controller_words: int = 4096

    def __post_init__(self) -> None:
        # Names of files and metrics hold it.
        legal_name = isinstance(self.name, str) and self.name.isprintable() and "/" not in self.name
        self._demand("name", legal_name and 1 <= len(self.name) <= 100, "1…100 printable characters, no /")
        for field in fields(self):
            value = getattr(self, field.name)
            number = isinstance(value, int) and not isinstance(value, bool)
            if field.name not in _NO_SIZES and not number:
                self._refuse(field.name, "an integer")
        self._demand("engines", 1 <= self.engines <= MAX_ENGINES, f"1…{MAX_ENGINES}")
        for name, low, high in (
            ("lanes", 2, 64),
            ("accumulators", 4, 16),
            ("window", 8, 64),
            ("basis", 1, self.lanes),
        ):
            value = getattr(self, name)
            legal = [2**i for i in range(8) if low <= 2**i <= high]
            self._demand(name, value in legal, f"one of {legal}")
        self._demand("accumulator_bits", 16 <= self.accumulator_bits <= 32, "16…32")
        for name in (
            "feature_words",
            "coefficient_words",
            "tap_words",
            "term_words",
            "filter_words",
            "instructions",
            "controller_instructions",
            "controller_words",
        ):
            value = getattr(self, name)
            fits = _power_of_two(value) and 4 <= value <= 1 << ADDRESS_BITS
            self._demand(name, fits, f"a power of two in 4…{1 << ADDRESS_BITS}")
        self._demand("tables", self.tables in TABLES, f"one of {list(TABLES)}")
        for name in _LEFT_OUT:
            self._demand(name, isinstance(getattr(self, name), bool), "true or false")
        legal_names = arithmetics.names()
        self._demand("arithmetic", self.arithmetic in legal_names, f"one of {legal_names}")
        self._demand("learning", isinstance(self.learning, bool), "true or false")
        if self.learning:
            plain = self.arithmetic == arithmetics.SHIFT_ADD.name
            self._demand("arithmetic", plain, f"{arithmetics.SHIFT_ADD.name} in a configuration that learns")
            self._demand("tables", self.tables == 0, "0 in a configuration that learns")
            self._demand("gates", not self.gates, "false in a configuration that learns")
            whole = self.basis % LEARNING_LANES == 0
            self._demand("basis", whole, f"a multiple of {LEARNING_LANES} in a configuration that learns")

    def _refuse(self, field: str, legal: str) -> None:
        try:
            value = repr(getattr(self, field))
        except ValueError:  # Python shows no integer of that many digits
            value = "a number of thousands of digits"
        shown = value if len(value) <= 80 else f"{value[:79]}…"
        raise ConfigError(f"config field {field!r} = {shown}; legal: {legal}")

    def _demand(self, field: str, holds: bool, legal: str) -> None:
        if not holds:
            self._refuse(field, legal)

    @property
    def adders(self) -> int:
        """Shift-adders (or multiplier-accumulators): engines × lanes."""
        return self.engines * self.lanes

    @property
    def several_terms(self) -> bool:
        """Whether an output may have more than one term: of a basis, or of pixels of which one stays."""
        return self.bases or self.largest

    @property
    def digest(self) -> int:
        """32 bits that identify the sizes (not the name) and the version of the number rules."""
        sizes = {key: value for key, value in asdict(self).items() if key not in (*_NO_SIZES, *_OF_LEARNING)}
        if not self.tables:
            del sizes["tables"]
        sizes |= {
            name: getattr(self, name) for name, usual in _LEFT_OUT.items() if getattr(self, name) != usual
        }
        if self.arithmetic != arithmetics.SHIFT_ADD.name:
            sizes["arithmetic"] = self.arithmetic
        if self.learning:
            sizes |= {"learning": True} | {name: getattr(self, name) for name in _OF_LEARNING}
        text = repr((sorted(sizes.items()), formats.EXPONENTS, formats.OUTPUT_BITS))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


TINY = Config(
    name="tiny",
    engines=2,
    lanes=4,
    accumulators=8,
    accumulator_bits=20,
    basis=2,
    feature_words=512,
    coefficient_words=512,
    tap_words=512,
    term_words=1024,
    filter_words=256,
    instructions=16,
)
"""8 shift-adders: small enough for exhaustive tests."""

SMALL = Config(name="small", engines=4, lanes=16, accumulators=8)
"""64 shift-adders: the size of the published figures."""

DEFAULT = Config(
    name="default",
    engines=8,
    lanes=32,
    basis=32,
    feature_words=4096,
    coefficient_words=8192,
    tap_words=2048,
    term_words=16384,
    filter_words=4096,
)
"""256 shift-adders."""

SMALL_LEARNING = Config(
    name="small-learning",
    engines=4,
    lanes=16,
    accumulators=8,
    accumulator_bits=24,
    basis=4,
    feature_words=32768,
    coefficient_words=8192,
    tap_words=8192,
    term_words=1024,
    filter_words=1024,
    learning=True,
    controller_words=8192,
)
"""SMALL's 64 shift-adders in a device that learns, with a quarter of the lanes behind the array, and memories
for batches of 32 small images. Half of the lanes would save fewer cycles than they cost in area."""

PRESETS = {config.name: config for config in (TINY, SMALL, DEFAULT, SMALL_LEARNING)}


def load_config(name_or_path: str) -> Config:
    """A preset by name, or a configuration from a TOML file of the fields of `Config`.

    Raises ConfigError for an unknown name, an unknown field or a value outside its range.
    """
    if name_or_path in PRESETS:
        return PRESETS[name_or_path]
    path = Path(name_or_path)
    if path.suffix != ".toml" or not path.is_file():
        raise ConfigError(
            f"configuration {name_or_path!r} is neither a preset ({', '.join(PRESETS)}) "
            "nor a .toml file that exists"
        )
    try:
        values = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise ConfigError(f"configuration {path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"configuration {path}: not TOML: byte {error.start} is no UTF-8") from error
    except (ValueError, RecursionError) as error:  # not TOML, a date that is none
        raise ConfigError(f"configuration {path}: not TOML: {error}") from error
    known = {field.name for field in fields(Config)}
    if unknown := sorted(set(values) - known):
        raise ConfigError(f"configuration {path}: unknown field {unknown[0]!r}; legal: {sorted(known)}")
    if missing := sorted({"engines", "lanes"} - set(values)):
        raise ConfigError(f"configuration {path}: field {missing[0]!r} is missing")
    try:
        return Config(**{"name": path.stem, **values})
    except ConfigError as error:
        raise ConfigError(f"configuration {path}: {error}") from error
