"""Wrong programs with a right checksum: every run ends, and what golden refuses is not passed over."""

import random
from dataclasses import dataclass, replace

import numpy as np
import pytest

from golden.compiler import compile_network
from golden.decode import decode
from golden.machine import run_program
from golden.spec.arithmetics import coefficient_record
from golden.spec.config import TINY
from golden.spec.errors import ErrorCode, MachineError
from golden.spec.fields import Field, Record
from golden.spec.memories import (
    back_record,
    filter_record,
    front_record,
    run_record,
    tap_record,
)
from golden.spec.program import Program
from golden.tensors import result_tensor
from tests.golden.networks import random_images, random_network
from tests.sim.hardware import run_images

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
several layers at once, golden on one after the other, so a program that is wrong there may differ."""


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


def _beyond_the_program(program: Program) -> bool:
    """Golden refuses words that the program does not have; the hardware reads what is there."""
    try:
        decode(program)
    except MachineError as error:
        return "are read" in str(error)
    return False


@pytest.mark.parametrize("block", range(4))
def test_one_flipped_bit(block: int) -> None:
    refused = equal = 0
    for seed in range(250 * block, 250 * (block + 1)):
        rng = np.random.default_rng(seed // 10)
        network = random_network(rng, TINY, largest=5)
        images = random_images(rng, network, 1)
        damaged = damage(random.Random(seed), compile_network(network, TINY))
        where = f"seed {seed}, {damaged.field}"
        [(status, record)], error = run_images(damaged.program, images)
        assert status in ("done", "error"), where
        golden = run_program(damaged.program, images)
        if golden.error != ErrorCode.NONE and not _beyond_the_program(damaged.program):
            # The codes may differ: one wrong word can break several rules, or none of them in time.
            assert error != ErrorCode.NONE, f"{where}: golden says {golden.error.name}"
            refused += 1
        if golden.error == ErrorCode.NONE and not any(part in damaged.field for part in ORDER):
            assert error == ErrorCode.NONE, where
            output = result_tensor(damaged.program, record.result[None])
            np.testing.assert_array_equal(output, golden.tensors[network.output], where)
            equal += 1
    assert refused >= 15
    assert equal >= 60


@pytest.mark.parametrize("field", ["input_address", "result_address"])
def test_other_places_of_image_and_result(field: str) -> None:
    network = random_network(np.random.default_rng(3), TINY)
    images = random_images(np.random.default_rng(3), network, 1)
    program = compile_network(network, TINY)
    run = run_record(TINY).unpack(program.run)
    for bit in range(9):
        changed = run_record(TINY).pack(**run | {field: run[field] ^ 1 << bit})
        [(status, _)], _ = run_images(replace(program, run=changed), images)
        assert status == "done"


def test_the_cycle_limit_ends_a_run() -> None:
    network = random_network(np.random.default_rng(3), TINY)
    images = random_images(np.random.default_rng(3), network, 1)
    program = compile_network(network, TINY)
    [(_, record)], _ = run_images(program, images)
    run = run_record(TINY).unpack(program.run)
    for limit, code in ((record.cycles, ErrorCode.NONE), (record.cycles - 2, ErrorCode.TIMEOUT)):
        changed = run_record(TINY).pack(**run | {"cycle_limit": limit})
        _, error = run_images(replace(program, run=changed), images)
        assert error == code
