"""Damaged programs: golden and hardware say the same of each, by the same code or the same result."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from golden.compiler import compile_network
from golden.compiler.instructions import end_words
from golden.cycles.timing import count_cycles
from golden.machine.load import load_image
from golden.machine.run import run_frames
from golden.machine.tensors import image_words
from golden.spec.arithmetics import coefficient_record
from golden.spec.config import TINY
from golden.spec.errors import ErrorCode, MachineError, MissingWordsError, ProgramError
from golden.spec.fields import Field, Record
from golden.spec.memories import (
    back_record,
    feature_bits,
    filter_record,
    front_record,
    run_record,
    tap_record,
)
from golden.spec.program import Program, checksum
from golden.spec.tensor import Tensor
from sim.backends.compiled import CompiledSimulator
from sim.run import run
from tests.golden.networks import random_images, random_network
from tests.sim.hardware import SLACK, library

Int8 = npt.NDArray[np.int8]

RECORDS = {
    "front": front_record(TINY),
    "back": back_record(TINY),
    "taps": tap_record(TINY),
    "terms": Record("term", (Field("term", 8, signed=True),)),
    "filters": filter_record(),
    "coefficients": coefficient_record(TINY),
}

ORDER = ("ready_", "_address", "_stride", "pixel", "engine_filters")
"""Parts of names of fields that decide when and where memory is read and written. The hardware works on
several layers at once, golden on one after the other, so the values of a program that is wrong there may
differ; the codes may not."""

LIMIT = 60_000
"""Cycles that a run of a random program on TINY never needs, whatever its cycle limit says."""


@dataclass(frozen=True)
class Damage:
    program: Program
    field: str


def damage(rng: random.Random, program: Program) -> Damage:
    """One flipped bit in one memory word."""
    memory = rng.choice(["front", "back", *RECORDS])
    record = RECORDS[memory]
    engine = rng.randrange(TINY.engines)
    words = list(program.coefficients[engine] if memory == "coefficients" else getattr(program, memory))
    index = rng.randrange(len(words))
    bit = rng.randrange(record.bits * (2 if memory == "coefficients" else 1))
    words[index] ^= 1 << bit
    owners = [field.name for field in record.fields for _ in range(field.bits)]
    field = f"{memory}.{owners[bit % record.bits]}"
    if memory == "coefficients":
        streams = list(program.coefficients)
        streams[engine] = tuple(words)
        return Damage(replace(program, coefficients=tuple(streams)), field)
    return Damage(replace(program, **{memory: tuple(words)}), field)  # type: ignore[arg-type]


@cache
def undamaged(seed: int) -> tuple[Program, Int8]:
    """A program, and the words of an image."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, TINY, largest=5)
    program = compile_network(network, TINY)
    return program, image_words(program, random_images(rng, network, 1))


def damaged_programs(seeds: range, flips: int = 1) -> Iterator[tuple[str, Damage, Int8]]:
    """(where, damaged program, the words of an image) for each seed; ten seeds share a network."""
    for seed in seeds:
        program, frame = undamaged(seed // 10)
        dice = random.Random(seed)
        damaged = damage(dice, program)
        for _ in range(flips - 1):
            damaged = damage(dice, damaged.program)
        yield f"seed {seed}, {damaged.field}", damaged, frame


def golden_says(program: Program, frame: Int8) -> tuple[ErrorCode, Int8 | None]:
    """The code, or the result; MissingWordsError goes through."""
    try:
        return ErrorCode.NONE, run_frames(program, frame)[0]
    except MissingWordsError:
        raise
    except MachineError as error:
        return error.code, None


def hardware_says(words: list[int], frame: Int8, result_words: int) -> tuple[ErrorCode, Int8 | None]:
    """The code, or the result; None for both the result and an error if the loader waits for more words."""
    simulator = CompiledSimulator(library(TINY), TINY.lanes, False, 0.0, 0)
    try:
        status = simulator.load(words, 2 * len(words) + 100)
        if status != "done":
            return simulator.error, None
        status, record = simulator.run(frame[0], result_words, LIMIT + SLACK)
        assert status in ("done", "error"), status
        return simulator.error, record.result if status == "done" else None
    finally:
        simulator.close()


@pytest.mark.parametrize("block", range(4))
def test_one_flipped_bit(block: int) -> None:
    seen: Counter[ErrorCode] = Counter()
    equal = 0
    for where, damaged, frame in damaged_programs(range(250 * block, 250 * (block + 1))):
        program = damaged.program
        result_words = run_record(TINY).unpack(program.run)["result_words"]
        code, result = hardware_says(program.image(), frame, result_words)
        try:
            right, expected = golden_says(program, frame)
        except MissingWordsError:
            # Golden refuses; the hardware reads what is there.
            continue
        assert code == right, where
        seen[code] += 1
        if expected is not None and not any(part in damaged.field for part in ORDER):
            np.testing.assert_array_equal(result, expected, where)
            equal += 1
    assert equal >= 60
    assert min(seen[code] for code in (ErrorCode.INSTRUCTION, ErrorCode.STREAM, ErrorCode.TIMEOUT)) >= 5


@pytest.mark.parametrize(
    "seeds", [range(5000, 5400), pytest.param(range(5400, 6500), marks=pytest.mark.long)], ids=str
)
def test_golden_has_a_word_for_all_damage(seeds: range) -> None:
    """Many programs with several wrong words: a code or a result, and never another exception."""
    seen: Counter[ErrorCode] = Counter()
    for flips in (1, 3):
        for _, damaged, frame in damaged_programs(seeds, flips):
            try:
                code, result = golden_says(damaged.program, frame)
            except MissingWordsError as error:
                code, result = error.code, None
            assert (result is None) == (code != ErrorCode.NONE)
            seen[code] += 1
    assert set(seen) == {ErrorCode.NONE, ErrorCode.INSTRUCTION, ErrorCode.STREAM, ErrorCode.TIMEOUT}


def damaged_image(rng: random.Random, words: list[int]) -> tuple[str, list[int]]:
    """One change of the words of an image; of half of them the checksum is mended."""
    words = list(words)
    kind = rng.choice(["flip", "flip", "head", "run", "run", "lose", "twice", "cut", "more"])
    # The run word lies behind MAGIC, digest, head and count of its section.
    places = {"head": range(4), "run": range(4, 6)}.get(kind, range(len(words)))
    place = rng.choice(places)
    if kind in ("flip", "head", "run"):
        words[place] ^= 1 << rng.randrange(32)
    elif kind == "lose":
        del words[place]
    elif kind == "twice":
        words.insert(place, words[place])
    elif kind == "cut":
        words = words[:place]
    else:
        words += [rng.getrandbits(32) for _ in range(rng.randint(1, 3))]
    mended = kind == "run" or (rng.random() < 0.5 and kind not in ("cut", "more"))
    if mended:
        words[-1] = checksum(words[:-1])
    return f"{kind} at word {place}{', mended' * mended}", words


@pytest.mark.parametrize("block", range(2))
def test_damaged_images(block: int) -> None:
    seen: Counter[ErrorCode] = Counter()
    for seed in range(8000 + 300 * block, 8300 + 300 * block):
        program, frame = undamaged(seed // 20)
        change, words = damaged_image(random.Random(seed), program.image())
        where = f"seed {seed}: {change}"
        fields = run_record(TINY).unpack(program.run)
        try:
            loaded = load_image(words, TINY)
            fields = run_record(TINY).unpack(loaded.run)
            right, expected = golden_says(loaded, frame)
        except MissingWordsError:
            continue
        except MachineError as error:
            right, expected = error.code, None
        except ProgramError:
            # The loader waits for more words.
            right, expected = ErrorCode.NONE, None
        code, result = hardware_says(words, frame, fields["result_words"])
        seen[code] += 1
        if code == ErrorCode.TIMEOUT and fields["cycle_limit"] < LIMIT // 2:
            # Golden does not count cycles.
            continue
        assert code == right, where
        assert (result is None) == (expected is None), where
    # One flipped bit of a memory word, as above, is rare here.
    assert set(ErrorCode) - set(seen) <= {ErrorCode.INSTRUCTION, ErrorCode.STREAM, ErrorCode.TIMEOUT}, seen


def with_run(program: Program, **changes: int) -> Program:
    """The program with other fields in its run word."""
    record = run_record(TINY)
    return replace(program, run=record.pack(**record.unpack(program.run) | changes))


@pytest.mark.parametrize("field", ["input_address", "result_address"])
def test_other_places_of_image_and_result(field: str) -> None:
    """Golden takes the image and the result from where the run word says, as the hardware does."""
    network = random_network(np.random.default_rng(3), TINY)
    program = compile_network(network, TINY)
    frame = image_words(program, random_images(np.random.default_rng(3), network, 1))
    right_word = run_record(TINY).unpack(program.run)
    for bit in range(feature_bits(TINY)):
        changed = with_run(program, **{field: right_word[field] ^ 1 << bit})
        right, expected = golden_says(changed, frame)
        code, result = hardware_says(changed.image(), frame, right_word["result_words"])
        assert code == right, bit
        if expected is not None:
            np.testing.assert_array_equal(result, expected, f"bit {bit}")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"input_words": 0}, ErrorCode.PROGRAM),
        ({"result_words": 0}, ErrorCode.PROGRAM),
        ({"input_words": TINY.feature_words + 1}, ErrorCode.PROGRAM),
        ({"result_words": 2 * TINY.feature_words - 1}, ErrorCode.PROGRAM),
        ({"result_address": TINY.feature_words - 1, "result_words": 2}, ErrorCode.PROGRAM),
        ({"input_words": 1}, ErrorCode.LONG_IMAGE),
        ({"input_words": TINY.feature_words, "input_address": 0}, ErrorCode.SHORT_IMAGE),
    ],
)
def test_run_words_that_cannot_be_or_ask_for_other_images(change: dict[str, int], code: ErrorCode) -> None:
    network = random_network(np.random.default_rng(3), TINY)
    program = with_run(compile_network(network, TINY), **change)
    images = random_images(np.random.default_rng(3), network, 1)
    frame = image_words(program, images)
    assert golden_says(program, frame) == (code, None)
    assert hardware_says(program.image(), frame, 1) == (code, None)
    for on in ("golden", "compiled"):
        if code == ErrorCode.PROGRAM:
            assert run(program, images, on=on).error == code
        else:
            with pytest.raises(ProgramError, match=r"^program: the run word has its input at word \d+, "):
                run(program, images, on=on)


def test_the_cycle_limit_ends_a_run() -> None:
    network = random_network(np.random.default_rng(3), TINY)
    program = compile_network(network, TINY)
    frame = image_words(program, random_images(np.random.default_rng(3), network, 1))
    result_words = run_record(TINY).unpack(program.run)["result_words"]
    cycles = count_cycles(program).cycles
    for limit, right in ((cycles, ErrorCode.NONE), (cycles - 2, ErrorCode.TIMEOUT), (0, ErrorCode.TIMEOUT)):
        code, _ = hardware_says(with_run(program, cycle_limit=limit).image(), frame, result_words)
        assert code == right


def test_a_program_without_layers_gives_its_image_back() -> None:
    """END is the first instruction."""
    source = Tensor("image", (3, 2, 3), (1, 1), 3, 5, 2, 1.0)
    front, back = end_words(TINY)
    word = run_record(TINY).pack(
        input_address=5, input_words=6, result_address=5, result_words=6, cycle_limit=100
    )
    program = Program(
        TINY, "image", ("image",), (source,), (), word, (front,), (back,), (), (), (), ((),) * TINY.engines
    )
    images = np.random.default_rng(1).integers(-128, 128, (2, 3, 2, 3)).astype(np.int8)
    golden = run(program, images)
    assert golden.error == ErrorCode.NONE
    np.testing.assert_array_equal(golden.tensors["image"], images)
    for on in ("amaranth", "compiled"):
        # The result stream is held against the images inside.
        result = run(program, images, on=on)
        assert result.error == ErrorCode.NONE
        assert result.cycles == (count_cycles(program).cycles,) * 2


def test_layers_behind_end_are_refused() -> None:
    """END stands where the first layer was: what is listed and what runs are not the same."""
    network = random_network(np.random.default_rng(3), TINY)
    program = compile_network(network, TINY)
    front, back = end_words(TINY)
    program = replace(program, front=(front, *program.front[1:]), back=(back, *program.back[1:]))
    images = random_images(np.random.default_rng(3), network, 1)
    layers = len(program.layers)
    text = f"^program: 0 instructions before END for {layers} layers and {layers + 1} tensors$"
    for on in ("golden", "amaranth"):
        with pytest.raises(ProgramError, match=text):
            run(program, images, on=on)
    # To the machine it is a legal program.
    frame = image_words(program, images)
    right, expected = golden_says(program, frame)
    assert right == ErrorCode.NONE
    assert expected is not None
    code, result = hardware_says(program.image(), frame, len(expected))
    assert code == right
    assert result is not None
    assert result.shape == expected.shape
