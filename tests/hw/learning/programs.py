"""Random programs of the controller that do only what a program may, and the golden run of them."""

from dataclasses import dataclass
from random import Random

from golden.device.data import exponential_words
from golden.machine.controller import Controller
from golden.spec.config import Config
from golden.spec.controller import REGISTERS, WORD_BITS, Operation, instruction_record
from golden.spec.learning import seeded

ROUNDS, LIMITED, SECOND = 15, 14, 13
"""Registers: of the loop, and those that are brought into a range right before they are used."""
REPORTS = 16
"""Last words of the area: commands report there, and nothing else is written there."""
AREA = 128
"""Data words that anything is read from and written to; behind them stands what is read alone."""
TABLE = 256
"""Of exponentials."""
DOT_REACH = 7
OTHERS = range(1, SECOND)
SEEN = 512
"""First word of the parameter memory for what each block has written."""


@dataclass(frozen=True)
class Case:
    """program: words.  data: numbers with sign.  features: rows of bytes.  seed: of the random numbers."""

    program: list[int]
    data: list[int]
    features: list[list[int]]
    seed: int


def word(operation: Operation, d: int = 0, a: int = 0, b: int = 0, immediate: int = 0) -> int:
    """An instruction."""
    return instruction_record().pack(operation=operation, d=d, a=a, b=b, immediate=immediate)


def edge(rng: Random) -> int:
    """A number with sign: small, of any size, or at an end."""
    bits = rng.randint(1, WORD_BITS - 1)
    half = 1 << bits
    return rng.choice(
        [0, 1, -1, half - 1, -half, -half // 2, rng.randrange(-half, half), rng.randrange(-half, half)]
    )


def block(rng: Random, operation: Operation, config: Config) -> list[int]:
    """An instruction, behind those that bring its operands into range. Branches go nowhere yet."""
    d, a, b = rng.choice([0, *OTHERS]), rng.choice([0, *OTHERS]), rng.choice([0, *OTHERS])
    immediate = rng.choice([0, 1, -1, -(1 << 15), (1 << 15) - 1, rng.randrange(-(1 << 15), 1 << 15)])
    words = AREA - REPORTS

    def limit(number: int, mask: int) -> int:
        return word(Operation.AND, number, rng.choice(OTHERS), 0, mask)

    address = [limit(LIMITED, words // 2 - 1)]
    at = {"b": LIMITED, "immediate": rng.randrange(words // 2)}
    match operation:
        case Operation.EVEN | Operation.UP | Operation.FLOOR | Operation.STICKY:
            # Any distance, mostly within reach.
            if rng.random() < 0.1:
                return [word(operation, d, a, b, immediate)]
            return [limit(SECOND, 127), word(operation, d, a, SECOND, -64)]
        case Operation.CLAMP:
            return [
                word(Operation.MAXIMUM, LIMITED, b, 0, 0),
                word(operation, d, a, LIMITED, rng.choice([0, 9])),
            ]
        case Operation.LOAD if rng.random() < 0.3:
            place = words + rng.randrange(REPORTS)
            return [word(Operation.WAIT), word(operation, d, 0, 0, place)]
        case Operation.LOAD:
            return [*address, word(operation, d, a, **at)]
        case Operation.STORE:
            return [*address, word(operation, 0, a, **at)]
        case Operation.STRIDES:
            # The steps of DOT: it reads at most DOT_REACH times that behind its first words.
            most = (words // 2 - 8) // DOT_REACH
            count = [word(Operation.AND, LIMITED, rng.choice(OTHERS), 0, DOT_REACH)]
            step = [word(Operation.ADD, SECOND, 0, 0, rng.randint(0, most))]
            return [*count, *step, word(operation, LIMITED, SECOND, 0, rng.randint(0, most))]
        case Operation.DOT:
            return [*address, word(operation, d, LIMITED, LIMITED, rng.randrange(8))]
        case Operation.COPY:
            return copy(rng, words)
        case Operation.EXPONENTIALS | Operation.SHARES:
            return softmax(rng, operation, words)
        case Operation.TERMS:
            return terms(rng, words)
        case Operation.FETCH | Operation.WRITE:
            return [
                limit(LIMITED, config.feature_words // 2 - 1),
                word(operation, 0, 0, LIMITED, rng.randrange(9)),
            ]
        case Operation.BYTE | Operation.PUT:
            return [limit(LIMITED, config.lanes - 1), word(operation, d, a, LIMITED, 0)]
        case Operation.EQUAL | Operation.UNEQUAL | Operation.LESS:
            return [word(operation, d, a, rng.choice([a, b]), 0)]
        case Operation.CALL:
            return [word(operation, d, a, 0, 0)]
        case Operation.ISSUE | Operation.BESIDE:
            # Half of the shifts would saturate.
            return [limit(LIMITED, 511), word(operation, 0, LIMITED, b, rng.randrange(config.instructions))]
        case Operation.POOL | Operation.LOGITS | Operation.ERRORS | Operation.ERRORS_RELU:
            return walk(rng, operation, config)
        case Operation.PARAMETER:
            return [limit(LIMITED, 63), word(operation, 0, a, LIMITED, 0)]
    return [word(operation, d, a, b, immediate)]


def pair(number: int, upper: int, lower: int) -> list[int]:
    """Two numbers of 16 bits into a register."""
    low = (lower & 0xFFFF) - (1 << 16 if lower & 0x8000 else 0)
    return [word(Operation.ADD, number, 0, 0, upper), word(Operation.HIGH, number, number, 0, low)]


def walk(rng: Random, operation: Operation, config: Config) -> list[int]:
    """A walk over a few elements, with all that it needs; their feature words may overlap."""
    words, lanes = AREA - REPORTS, config.lanes
    # The last ones are written.
    words -= 8
    elements, count = rng.randint(0, 5), rng.randint(1, 3)
    steps = rng.randint(0, 4), rng.randint(0, 4)
    first = rng.choice([0, rng.randrange(lanes)])
    last = rng.randrange(first, 3 * lanes)
    each = last // lanes
    step = rng.randint(-each, 3)
    reach = [number * (each + step) + at for number in range(max(1, elements)) for at in (0, each)]
    low, high = -min(reach), config.feature_words - 1 - max(reach)
    place, target = rng.randint(low, high), rng.randint(low, high)
    factors = rng.randrange(words - elements * count * steps[1])
    packed = rng.randrange(words - count * steps[0])
    # LOGITS have biases in the place of feature words.
    place = rng.randrange(words - elements) if operation == Operation.LOGITS else place
    return [
        word(Operation.ADD, LIMITED, 0, 0, count),
        word(Operation.ADD, SECOND, 0, 0, steps[0]),
        word(Operation.STRIDES, LIMITED, SECOND, 0, steps[1]),
        *pair(1, factors, elements),
        *pair(2, last, first),
        *pair(3, target - place, step),
        word(Operation.WALK, 1, 2, 3),
        *pair(LIMITED, place, packed),
        word(Operation.ADD, SECOND, 0, 0, rng.choice([rng.randint(-12, 2), rng.randint(-400, 400)])),
        word(operation, SECOND, LIMITED, 0, words + rng.randint(0, 8 - elements)),
    ]


def copy(rng: Random, words: int) -> list[int]:
    """Of a few words, forward or backward, none of them what it writes."""
    count, steps = rng.randint(0, 6), (rng.choice([-1, 0, 1, 3]), rng.choice([-2, 1, 2]))
    half = words // 2
    source, target = rng.sample([(0, half), (half, words)], 2)
    first = rng.randrange(source[0] + 6, source[1] - 18)
    before = rng.randrange(target[0] + 12, target[1] - 12)
    return [
        word(Operation.ADD, LIMITED, 0, 0, count),
        word(Operation.ADD, SECOND, 0, 0, steps[0]),
        word(Operation.STRIDES, LIMITED, SECOND, 0, steps[1]),
        word(Operation.ADD, LIMITED, 0, 0, first),
        word(Operation.COPY, 0, LIMITED, 0, before),
        # A DOT that comes later would go backward, too.
        word(Operation.STRIDES),
    ]


def terms(rng: Random, words: int) -> list[int]:
    """Of int8 that are made so before, in their place."""
    elements = rng.randint(0, 4)
    place = rng.randrange(words - 4)
    made = []
    for number in range(elements):
        made += [
            word(Operation.LOAD, LIMITED, 0, 0, place + number),
            word(Operation.FLOOR, LIMITED, LIMITED, 0, rng.choice([0, -20, -40])),
            word(Operation.CLAMP, LIMITED, LIMITED, 0, 127),
            word(Operation.STORE, 0, LIMITED, 0, place + number),
        ]
    return [
        *made,
        *pair(1, 0, elements),
        word(Operation.WALK, 1, 0, 0),
        word(Operation.ADD, LIMITED, 0, 0, place),
        word(Operation.TERMS, 0, LIMITED, 0, place),
    ]


def pool(rng: Random, config: Config) -> list[int]:
    """The features of one channel."""
    last = rng.randrange(config.lanes)
    place = rng.randrange(config.feature_words)
    return [
        *pair(1, 0, 1),
        *pair(2, last, rng.randint(0, last)),
        word(Operation.WALK, 1, 2, 0),
        *pair(LIMITED, place, 0),
        word(Operation.ADD, SECOND, 0, 0, rng.randint(-2, 10)),
        word(Operation.POOL, SECOND, LIMITED, 0, AREA - 8),
    ]


def softmax(rng: Random, operation: Operation, words: int, most: int = 5) -> list[int]:
    """At most so many logits, of one packed word each, far apart, near each other or alike; exponentials;
    shares.
    """
    words -= 8
    elements, shift = rng.randint(1, most), rng.choice([rng.randint(-40, -16), rng.randint(-16, 20)])
    factors, biases, other = (rng.randrange(words - 8) for _ in range(3))
    place, label = words, words + rng.randint(0, 5)
    near = [rng.randint(-4000, 4000) for _ in range(rng.choice([0, elements]))]
    program = []
    for number, bias in enumerate(near):
        program += [
            word(Operation.ADD, LIMITED, 0, 0, bias),
            word(Operation.STORE, 0, LIMITED, 0, biases + number),
        ]
    program += [
        word(Operation.ADD, LIMITED, 0, 0, 1),
        word(Operation.STRIDES, LIMITED, LIMITED, 0, 1),
        *pair(1, factors, elements),
        word(Operation.WALK, 1, 0, 0),
        *pair(LIMITED, biases, other),
        word(Operation.ADD, 1, 0, 0, shift),
        word(Operation.LOGITS, 1, LIMITED, 0, place),
        word(Operation.PARAMETER, 0, 1, 0, SEEN - 1),
        *pair(LIMITED, TABLE, place),
        word(Operation.EXPONENTIALS, 2, LIMITED, 0, place),
    ]
    if operation == Operation.EXPONENTIALS:
        return program
    return [
        *program,
        *pair(LIMITED, label, place),
        word(Operation.ADD, 1, 0, 0, rng.randint(-16, 2)),
        word(Operation.SHARES, 1, LIMITED, 0, place),
    ]


def random_case(rng: Random, config: Config, blocks: int) -> Case:
    """All operations, some of them often, in a loop; then every data word, in two halves, becomes a
    parameter."""
    few = [Operation.ISSUE, Operation.BESIDE, Operation.WAIT]
    usual = [operation for operation in Operation if operation not in (*few, Operation.STOP)]
    operations = [*usual, *few, *rng.choices(usual, k=blocks - len(usual) - len(few))]
    rng.shuffle(operations)
    program = [word(Operation.LOAD, number, 0, 0, number) for number in OTHERS]
    program.append(word(Operation.ADD, ROUNDS, 0, 0, 2))
    loop, jumps = len(program), []
    starts = []
    for number, operation in enumerate(operations):
        starts.append(len(program))
        program += block(rng, operation, config)
        written = instruction_record().unpack(program[-1])["d"]
        if operation in (Operation.EQUAL, Operation.UNEQUAL, Operation.LESS, Operation.CALL):
            jumps.append(len(program) - 1)
        # Seen at once, before something else takes its place.
        program.append(word(Operation.PARAMETER, 0, written, 0, SEEN + number))
    starts.append(len(program))
    record = instruction_record()
    for place in jumps:
        fields = record.unpack(program[place])
        later = [start for start in starts if start > place]
        program[place] = record.pack(**{**fields, "immediate": rng.choice(later[:3])})
    program += [
        word(Operation.SUBTRACT, ROUNDS, ROUNDS, 0, 1),
        word(Operation.UNEQUAL, 0, ROUNDS, 0, loop),
        word(Operation.WAIT),
    ]
    program += [word(Operation.STORE, 0, number, 0, number) for number in range(REGISTERS)]
    again = len(program) + 1
    program += [
        word(Operation.ADD, 1, 0, 0, 0),
        word(Operation.LOAD, 2, 0, 1, 0),
        word(Operation.EVEN, 3, 1, 0, 1),
        word(Operation.PARAMETER, 0, 2, 3, 64),
        word(Operation.FLOOR, 2, 2, 0, -32),
        word(Operation.PARAMETER, 0, 2, 3, 65),
        word(Operation.ADD, 1, 1, 0, 1),
        word(Operation.ADD, 4, 0, 0, AREA),
        word(Operation.LESS, 0, 1, 4, again),
        word(Operation.STOP),
    ]
    assert len(program) <= config.controller_instructions
    return Case(
        program,
        [edge(rng) for _ in range(AREA)] + [0] * (TABLE - AREA) + exponential_words(),
        [
            [rng.choice([-128, -127, 0, 127, rng.randint(-128, 127)]) for _ in range(config.lanes)]
            for _ in range(config.feature_words)
        ],
        rng.randrange(1 << 30),
    )


@dataclass
class Golden:
    """What golden makes of a case.

    issues: command, shifts as 8 bits hold them, beside another.  reports: (address, number) of each issue.
    """

    controller: Controller
    issues: list[tuple[int, int, int, bool]]
    reports: list[list[tuple[int, int]]]


def golden_run(rng: Random, config: Config, case: Case, most: int) -> Golden:
    """Carries out a case; a command reports anything, at most so many numbers."""
    issues: list[tuple[int, int, int, bool]] = []
    reports: list[list[tuple[int, int]]] = []

    def issue(command: int, shift: int, addend_shift: int, beside: bool) -> None:
        first = AREA - REPORTS
        said = [(first + rng.randrange(REPORTS), edge(rng)) for _ in range(rng.randint(0, most))]
        issues.append((command, max(-128, min(127, shift)), max(-128, min(127, addend_shift)), beside))
        reports.append(said)
        for address, number in said:
            controller.data[address] = number

    controller = Controller(
        config, case.program, [*case.data], seeded(case.seed), [[*row] for row in case.features], issue
    )
    controller.run()
    return Golden(controller, issues, reports)
