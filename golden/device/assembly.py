"""An assembler for the controller of a device that learns (`golden.spec.controller`).

    it = Assembly(config)
    with it.registers(2) as (total, place):
        it.constant(place, 20)
        again = it.here()
        it.load(total, place + 3)
        it.add(place, place, -1)
        it.unequal(place, ZERO, again)

An operand B is a register, a number, or a register and a number.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from golden.spec.config import Config
from golden.spec.controller import IMMEDIATE_BITS, REGISTERS, WORD_BITS, Operation, instruction_record
from golden.spec.errors import CapacityError

_HALF = 1 << IMMEDIATE_BITS - 1


@dataclass(frozen=True)
class Second:
    """B: a register and a number."""

    register: int
    number: int

    def __add__(self, number: int) -> "Second":
        return Second(self.register, self.number + number)


@dataclass(frozen=True)
class Register:
    """A register; `r + 3` and `r - 3` are operands B."""

    number: int

    def __add__(self, number: int) -> Second:
        return Second(self.number, number)

    def __sub__(self, number: int) -> Second:
        return Second(self.number, -number)


ZERO = Register(0)
LINK = Register(REGISTERS - 1)
"""Where a routine returns to."""

B = Register | Second | int


@dataclass
class Label:
    """A place in the program; `at` once it is known."""

    at: int | None = None


@dataclass(frozen=True)
class Routine:
    """A part of the program that is called. It may use all registers and calls no other.

    Parameters
    ----------
    start: its first instruction.  arguments: what it is given, numbers.
    """

    start: Label
    arguments: tuple[Register, ...]


@dataclass
class Assembly:
    """A program while it grows."""

    config: Config
    _lines: list[tuple[Operation, int, int, int, int | Label]] = field(default_factory=list)
    _free: list[int] = field(default_factory=lambda: list(range(1, REGISTERS - 1)))
    _aside: list[Callable[[], None]] = field(default_factory=list)

    @contextmanager
    def registers(self, count: int) -> Iterator[tuple[Register, ...]]:
        """Registers that nothing else uses inside."""
        if count > len(self._free):
            raise AssertionError(f"{count} registers asked for, {len(self._free)} are free")
        taken = [self._free.pop(0) for _ in range(count)]
        yield tuple(Register(number) for number in taken)
        self._free = sorted([*taken, *self._free])

    def here(self) -> Label:
        """The place of the next instruction."""
        return Label(len(self._lines))

    def put(self, label: Label) -> None:
        """A label that was used before stands here."""
        label.at = len(self._lines)

    def aside(self, body: Callable[[], None]) -> None:
        """What is done seldom: stands behind the next end of a routine or `apart`, comes by a branch, and
        goes away by one.
        """
        self._aside.append(body)

    def _put_asides(self) -> None:
        waiting, self._aside = self._aside, []
        for body in waiting:
            body()

    def apart(self) -> None:
        """A place for what was put aside; the program goes on behind it."""
        if self._aside:
            past = Label()
            self.go(past)
            self._put_asides()
            self.put(past)

    def routine(self, arguments: int, body: Callable[..., None]) -> Routine:
        """body: writes the routine, is given its registers."""
        with self.registers(arguments) as given:
            start = self.here()
            body(*given)
            self._line(Operation.CALL, ZERO, ZERO, LINK)
            self._put_asides()
        return Routine(start, given)

    def call(self, routine: Routine, *arguments: int | Callable[[Register], None]) -> None:
        """Calls a routine; all registers are anything behind it.

        arguments: numbers, or what writes instructions that make them.
        """
        assert len(self._free) == REGISTERS - 2, "a register lives across a call"
        for register, argument in zip(routine.arguments, arguments, strict=True):
            if isinstance(argument, int):
                self.constant(register, argument)
            else:
                argument(register)
        self._line(Operation.CALL, LINK, ZERO, routine.start)

    def constant(self, d: Register, value: int) -> None:
        """d = a number of up to 48 bits with sign."""
        if -_HALF <= value < _HALF:
            self.add(d, ZERO, value)
            return
        if value > 0 and value & value - 1 == 0:
            self.add(d, ZERO, 1)
            self.floor(d, d, value.bit_length() - 1)
            return
        self.constant(d, value >> 16)
        low = value & 0xFFFF
        self._line(Operation.HIGH, d, d, low - (1 << 16) if low >= _HALF else low)

    def add(self, d: Register, a: Register, b: B) -> None:
        self._line(Operation.ADD, d, a, b)

    def subtract(self, d: Register, a: Register, b: B) -> None:
        self._line(Operation.SUBTRACT, d, a, b)

    def bits(self, d: Register, a: Register, b: B) -> None:
        """AND."""
        self._line(Operation.AND, d, a, b)

    def minimum(self, d: Register, a: Register, b: B) -> None:
        self._line(Operation.MINIMUM, d, a, b)

    def maximum(self, d: Register, a: Register, b: B) -> None:
        self._line(Operation.MAXIMUM, d, a, b)

    def clamp(self, d: Register, a: Register, b: B) -> None:
        self._line(Operation.CLAMP, d, a, b)

    def high(self, d: Register, a: Register, b: B) -> None:
        self._line(Operation.HIGH, d, a, b)

    def multiply(self, d: Register, a: Register, b: B) -> None:
        self._line(Operation.MULTIPLY, d, a, b)

    def even(self, d: Register, a: Register, b: B) -> None:
        self._line(Operation.EVEN, d, a, b)

    def up(self, d: Register, a: Register, b: B) -> None:
        self._line(Operation.UP, d, a, b)

    def floor(self, d: Register, a: Register, b: B) -> None:
        self._line(Operation.FLOOR, d, a, b)

    def sticky(self, d: Register, a: Register, b: B) -> None:
        self._line(Operation.STICKY, d, a, b)

    def length(self, d: Register, b: B) -> None:
        self._line(Operation.LENGTH, d, ZERO, b)

    def random(self, d: Register, b: B) -> None:
        """Those of 16 random bits that are set in B."""
        self._line(Operation.RANDOM, d, ZERO, b)

    def counts(self, d: Register) -> None:
        """d = what was counted beyond ±127, and, COUNT_BITS above, beyond ±63; it begins anew."""
        self._line(Operation.COUNTS, d, ZERO, ZERO)

    def load(self, d: Register, address: B) -> None:
        self._line(Operation.LOAD, d, ZERO, address)

    def store(self, a: Register, address: B) -> None:
        self._line(Operation.STORE, ZERO, a, address)

    def strides(self, count: Register, a: Register, b: B) -> None:
        self._line(Operation.STRIDES, count, a, b)

    def dot(self, d: Register, a: Register, b: B) -> None:
        """d grows by Σ data[a + …] · data[b + …]."""
        self._line(Operation.DOT, d, a, b)

    def copy(self, a: Register, before: B) -> None:
        """data[before + step + …] = data[a + …]."""
        self._line(Operation.COPY, ZERO, a, before)

    def fetch(self, address: B) -> None:
        self._line(Operation.FETCH, ZERO, ZERO, address)

    def write(self, address: B) -> None:
        self._line(Operation.WRITE, ZERO, ZERO, address)

    def byte(self, d: Register, lane: B) -> None:
        self._line(Operation.BYTE, d, ZERO, lane)

    def put_byte(self, a: Register, lane: B) -> None:
        self._line(Operation.PUT, ZERO, a, lane)

    def walk(self, d: Register, a: Register, b: B) -> None:
        """What the ones below go through."""
        self._line(Operation.WALK, d, a, b)

    def pool(self, shift: Register, a: Register, place: B) -> None:
        """data[place + …] = sums of features, rounded, packed."""
        self._line(Operation.POOL, shift, a, place)

    def logits(self, shift: Register, a: Register, place: B) -> None:
        """data[place + …] = sums of products and biases; the register becomes the largest and where it is."""
        self._line(Operation.LOGITS, shift, a, place)

    def exponentials(self, total: Register, a: Register, place: B) -> None:
        """data[place + …] = exponentials of logits; total = their sum."""
        self._line(Operation.EXPONENTIALS, total, a, place)

    def shares(self, shift: Register, a: Register, place: B) -> None:
        """data[place + …] = what of the sum each is, less the label's, rounded."""
        self._line(Operation.SHARES, shift, a, place)

    def terms(self, a: Register, place: B) -> None:
        """data[place + …] = int8 as powers of two, packed."""
        self._line(Operation.TERMS, ZERO, a, place)

    def errors(self, shift: Register, a: Register, place: B, relu: bool) -> None:
        """Sums of products, rounded and spread, where data[place + …] lets them pass."""
        self._line(Operation.ERRORS_RELU if relu else Operation.ERRORS, shift, a, place)

    def equal(self, a: Register, b: Register, to: Label) -> None:
        self._branch(Operation.EQUAL, a, b, to)

    def unequal(self, a: Register, b: Register, to: Label) -> None:
        self._branch(Operation.UNEQUAL, a, b, to)

    def less(self, a: Register, b: Register, to: Label) -> None:
        self._branch(Operation.LESS, a, b, to)

    def go(self, to: Label) -> None:
        self.equal(ZERO, ZERO, to)

    def issue(
        self, command: int, shift: Register = ZERO, addend_shift: Register = ZERO, beside: bool = False
    ) -> None:
        """Command `command` begins; all before it have ended and reported, or, `beside`, its unit is free."""
        operation = Operation.BESIDE if beside else Operation.ISSUE
        self._lines.append((operation, 0, shift.number, addend_shift.number, command))

    def wait(self) -> None:
        self._line(Operation.WAIT, ZERO, ZERO, ZERO)

    def parameter(self, a: Register, address: B) -> None:
        self._line(Operation.PARAMETER, ZERO, a, address)

    def stop(self) -> None:
        self._line(Operation.STOP, ZERO, ZERO, ZERO)

    def _branch(self, operation: Operation, a: Register, b: Register, to: Label) -> None:
        self._lines.append((operation, 0, a.number, b.number, to))

    def _line(self, operation: Operation, d: Register, a: Register, b: B | Label) -> None:
        register = 0
        immediate: int | Label = 0
        match b:
            case Register():
                register = b.number
            case Second():
                register, immediate = b.register, b.number
            case _:
                immediate = b
        self._lines.append((operation, d.number, a.number, register, immediate))

    def words(self) -> tuple[int, ...]:
        """The program. Raises CapacityError where it is longer than its memory."""
        if len(self._lines) > self.config.controller_instructions:
            raise CapacityError(
                f"program of the controller: the step needs {len(self._lines)} instructions; "
                f"controller_instructions of configuration {self.config.name!r} is "
                f"{self.config.controller_instructions}"
            )
        record, words = instruction_record(), []
        for operation, d, a, b, number in self._lines:
            if isinstance(number, Label):
                assert number.at is not None, "a label that stands nowhere"
                number = number.at
            words.append(record.pack(operation=operation, d=d, a=a, b=b, immediate=number))
        return tuple(words)


def data_word(value: int) -> int:
    """A number with sign as a word of the data memory."""
    return value & (1 << WORD_BITS) - 1
