"""What the loader makes of the words of a program stream, and which programs it takes."""

from collections.abc import Sequence

from golden.spec.config import Config
from golden.spec.errors import ErrorCode, MachineError, ProgramError
from golden.spec.memories import END_SECTION, SECTION, Memory, memories, memory_shape, run_record
from golden.spec.program import MAGIC, Program, checksum

Contents = dict[int, list[int]]
"""Memory number → its words from address 0 on."""


def load_image(words: Sequence[int], config: Config) -> Program:
    """The program that is in place after these 32-bit words, one image or several behind each other.

    Memories that the last image does not bring hold what earlier ones left there. A word below the address
    of a section that no image has brought counts as zero; what it is in hardware nobody knows. The tensors
    and layers of a Program do not travel, so the result has none.

    Raises MachineError where the loader sets its error register: MAGIC, CONFIGURATION, SECTION, CHECKSUM,
    PROGRAM. Raises ProgramError if the words end inside an image: the loader waits for more.
    """
    contents: Contents = {memory: [] for memory in memories(config)}
    brought: set[int] = set()
    place = 0
    while place < len(words) or not place:
        brought = set()
        place = _read_image(words, place, config, contents, brought)
    for memory in (Memory.RUN, Memory.FRONT, Memory.BACK):
        if memory not in brought:
            raise MachineError(ErrorCode.PROGRAM, f"the image brings no word 0 of {memory.name}")
    program = Program(
        config=config,
        input="",
        outputs=(),
        tensors=(),
        layers=(),
        run=contents[Memory.RUN][0],
        front=tuple(contents[Memory.FRONT]),
        back=tuple(contents[Memory.BACK]),
        taps=tuple(contents[Memory.TAP]),
        terms=tuple(contents[Memory.TERM]),
        filters=tuple(contents[Memory.FILTER]),
        coefficients=tuple(tuple(contents[Memory.COEFFICIENT + e]) for e in range(config.engines)),
        tables=tuple(contents[Memory.TABLE]) if config.tables else (),
    )
    demand_loadable(program)
    return program


def demand_loadable(program: Program) -> None:
    """Raises MachineError with the code that the loader gives for the program's image.

    SECTION: more words than a memory has. PROGRAM: no first instruction, or a run word whose ranges are
    empty or pass the end of the feature memory.
    """
    config = program.config
    for memory, held in program.contents():
        depth = memory_shape(config, memory).depth
        if len(held) > depth:
            raise MachineError(ErrorCode.SECTION, f"{len(held)} words for memory {memory} of {depth}")
    if not program.front or not program.back:
        raise MachineError(ErrorCode.PROGRAM, "the program has no instruction")
    run = run_record(config).unpack(program.run)
    for name in ("input", "result"):
        address, words = run[f"{name}_address"], run[f"{name}_words"]
        if not words or address + words > config.feature_words:
            raise MachineError(
                ErrorCode.PROGRAM,
                f"{name}_words = {words} from word {address} on; legal: 1…{config.feature_words - address}",
            )


def _read_image(
    words: Sequence[int], place: int, config: Config, contents: Contents, brought: set[int]
) -> int:
    """Reads one image into the memories; returns the place behind it."""
    start = place

    def take() -> int:
        nonlocal place
        if place == len(words):
            raise ProgramError(f"program image: ends after {place} words, before its checksum")
        place += 1
        return words[place - 1]

    if (word := take()) != MAGIC:
        raise MachineError(ErrorCode.MAGIC, f"word {place - 1} is {word:#x}; expected {MAGIC:#x}")
    if (word := take()) != config.digest:
        raise MachineError(ErrorCode.CONFIGURATION, f"digest {word:08x}; expected {config.digest:08x}")
    known = memories(config)
    while (section := SECTION.unpack(take()))["memory"] != END_SECTION:
        memory, address = section["memory"], section["address"]
        if memory not in known:
            raise MachineError(ErrorCode.SECTION, f"word {place - 1}: memory {memory}; legal: {known}")
        shape = memory_shape(config, memory)
        if not 1 <= (count := take()) <= shape.depth - address:
            raise MachineError(
                ErrorCode.SECTION,
                f"word {place - 1}: {count} words from word {address} on; memory {memory} has {shape.depth}",
            )
        chunks = -(-shape.bits // 32)
        new = [
            sum(take() << 32 * chunk for chunk in range(chunks)) & ((1 << shape.bits) - 1)
            for _ in range(count)
        ]
        held = contents[memory]
        held += [0] * (address - len(held))
        held[address : address + count] = new
        if address == 0:
            brought.add(memory)
    right = checksum(list(words[start:place]))
    if (word := take()) != right:
        raise MachineError(ErrorCode.CHECKSUM, f"checksum {word:08x}; the words before it give {right:08x}")
    return place
