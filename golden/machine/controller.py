"""The controller of a device that learns; `golden.spec.controller` says what each instruction does."""

from collections.abc import Callable
from dataclasses import dataclass, field

from golden.machine.controller_walk import WALKS, ControllerError, Softmax, Sums, Walk, Walked, walked
from golden.machine.shifts import shifted, signed
from golden.numerics.lfsr import RandomWords
from golden.spec import latency
from golden.spec.config import Config
from golden.spec.controller import (
    DOT_BITS,
    FACTOR_BITS,
    REGISTERS,
    WORD_BITS,
    Operation,
    instruction_record,
)
from golden.spec.learning import Lfsr

STEP_LIMIT = 10_000_000


Ends = Callable[[Operation, int, int, int, int], int]
"""Operation, its first cycle, its last one if it does not wait, the count of DOT and COPY or elements of a
walk, feature words of each → its last one."""


def unhindered(operation: Operation, first: int, last: int, count: int, words: int) -> int:
    """Nothing waits."""
    return last


@dataclass
class Controller:
    """A controller with its memories.

    Parameters
    ----------
    config: of the device.
    program: words of `instruction_record`, from address 0 on.
    data: the data memory, numbers with sign; changed in place.
    random: where the SCALARS generator stands.
    features: the feature memory, a list of `lanes` bytes with sign for each word; changed in place.
    issue: called with the number of a command, its two shifts, and whether it may begin beside another; it
        does all of the command and puts what is reported into `data`.
    parameters: the words of LightNorm's parameter memory that were written.
    ends: when an instruction ends; cycles count from the run's first instruction on, which begins in cycle 1.
        ISSUE calls `issue` before it.
    executed: how many instructions were, each element of a walk, each word of a copy as one more.
    cycles: of them all.
    """

    config: Config
    program: list[int]
    data: list[int]
    random: Lfsr
    features: list[list[int]]
    issue: Callable[[int, int, int, bool], None]
    parameters: dict[int, int] = field(default_factory=dict)
    ends: Ends = unhindered
    executed: int = 0
    cycles: int = 0

    def run(self) -> None:
        """From address 0 to STOP. Raises ControllerError for what no program may do."""
        record = instruction_record()
        decoded: dict[int, dict[str, int]] = {}
        words = RandomWords(self.random)
        r = [0] * REGISTERS
        buffer = [0] * self.config.lanes
        count, steps, beyond, walk, softmax = 0, (0, 0), 0, Walk(), Softmax()
        at = 0
        for _ in range(STEP_LIMIT):
            if not 0 <= at < len(self.program):
                raise ControllerError(f"controller: no instruction at address {at}")
            it = decoded.setdefault(at, record.unpack(self.program[at]))
            if it["operation"] > max(Operation):
                raise ControllerError(f"controller, address {at}: operation {it['operation']} is none")
            self.executed += 1
            operation, d, immediate = Operation(it["operation"]), it["d"], it["immediate"]
            a, b = r[it["a"]], r[it["b"]]
            second = signed(b + immediate, WORD_BITS)
            following, result = at + 1, None
            counted, jumps, done = 0, False, Walked()
            match operation:
                case Operation.ADD:
                    result = a + second
                case Operation.SUBTRACT:
                    result = a - second
                case Operation.AND:
                    result = a & second
                case Operation.MINIMUM:
                    result = min(a, second)
                case Operation.MAXIMUM:
                    result = max(a, second)
                case Operation.CLAMP:
                    result = max(-second, min(second, a))
                case Operation.HIGH:
                    result = (a << 16) + (second & 0xFFFF)
                case Operation.MULTIPLY:
                    result = signed(a, FACTOR_BITS[0]) * signed(second, FACTOR_BITS[1])
                case Operation.EVEN | Operation.UP | Operation.FLOOR | Operation.STICKY:
                    result = shifted(operation, a, second)
                case Operation.LENGTH:
                    result = abs(second).bit_length()
                case Operation.RANDOM:
                    result = int(words.take(1)[0]) & 0xFFFF & second
                case Operation.LOAD:
                    result = self.word(at, second)
                case Operation.STORE:
                    self.put(at, second, a)
                case Operation.STRIDES:
                    count, steps = r[d], (a, second)
                case Operation.DOT:
                    result, counted = r[d], count
                    for place in range(count):
                        factors = (
                            self.word(at, a + place * steps[0]),
                            self.word(at, second + place * steps[1]),
                        )
                        result += signed(factors[0], DOT_BITS) * signed(factors[1], DOT_BITS)
                case Operation.COPY:
                    counted = count
                    self.executed += counted
                    for place in range(count):
                        value = self.word(at, a + place * steps[0])
                        self.put(at, second + (place + 1) * steps[1], value)
                case Operation.FETCH:
                    buffer = list(self.row(at, second))
                case Operation.WRITE:
                    self.row(at, second)[:] = buffer
                case Operation.BYTE:
                    result = buffer[self._lane(at, second)]
                case Operation.PUT:
                    buffer[self._lane(at, second)] = signed(a, 8)
                case Operation.EQUAL | Operation.UNEQUAL | Operation.LESS:
                    goes = {Operation.EQUAL: a == b, Operation.UNEQUAL: a != b, Operation.LESS: a < b}
                    jumps = goes[operation]
                    following = immediate if jumps else following
                case Operation.CALL:
                    result, following, jumps = at + 1, second, True
                case Operation.ISSUE | Operation.BESIDE:
                    self.issue(immediate, a, b, operation == Operation.BESIDE)
                case Operation.WAIT:
                    pass
                case Operation.PARAMETER:
                    self.parameters[second] = a & 0xFFFFFFFF
                case Operation.COUNTS:
                    result, beyond = beyond, 0
                case Operation.WALK:
                    walk = Walk.of(r[d], a, second)
                case _ if operation in WALKS:
                    sums, operands = Sums(count, steps), (r[d], a, second)
                    done = walked(self, at, operation, walk, sums, operands, words, softmax)
                    beyond, buffer, result = beyond + done.beyond, done.buffer or buffer, done.result
                    counted = walk.elements
                    self.executed += counted
                case Operation.STOP:
                    self.random = words.state
                    self._take(operation, 0, False, done)
                    return
            self._take(operation, counted, jumps, done)
            if result is not None and d:
                r[d] = signed(result, WORD_BITS)
            at = following
        raise ControllerError(f"controller: no STOP within {STEP_LIMIT} instructions")

    def _take(self, operation: Operation, counted: int, jumps: bool, done: Walked) -> None:
        last = self.cycles + (done.cycles or latency.controller(operation, counted, jumps))
        self.cycles = self.ends(operation, self.cycles + 1, last, counted, done.words)

    def _lane(self, at: int, lane: int) -> int:
        if not 0 <= lane < self.config.lanes:
            raise ControllerError(f"controller, address {at}: no lane {lane}")
        return lane

    def word(self, at: int, address: int) -> int:
        """A data word. Raises ControllerError where there is none."""
        if not 0 <= address < len(self.data):
            raise ControllerError(f"controller, address {at}: no data word {address}")
        return self.data[address]

    def put(self, at: int, address: int, value: int) -> None:
        """Likewise: it becomes a number with sign."""
        self.word(at, address)
        self.data[address] = value

    def row(self, at: int, address: int) -> list[int]:
        """A feature word. Raises ControllerError where there is none."""
        if not 0 <= address < len(self.features):
            raise ControllerError(f"controller, address {at}: no feature word {address}")
        return self.features[address]
