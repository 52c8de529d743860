"""The assembler: operands, labels, what stands apart, routines, what does not fit."""

from dataclasses import replace

import pytest

from golden.device.assembly import LINK, ZERO, Assembly, Label, Register
from golden.spec.controller import Operation, instruction_record
from golden.spec.errors import CapacityError
from tests.golden.device.fragments import run_program
from tests.sim.learning.devices import CONFIG


@pytest.mark.parametrize(
    "number",
    [
        0,
        1,
        -1,
        32767,
        -32768,
        32768,
        1 << 21,
        65535,
        65536,
        (1 << 31) - 1,
        -(1 << 31),
        -40000,
        (1 << 47) - 1,
        -1 << 47,
    ],
)
def test_constants_of_every_size(number: int) -> None:
    def program(it: Assembly) -> None:
        with it.registers(1) as (value,):
            it.constant(value, number)
            it.store(value, 0)

    assert run_program(program, [])[0] == number


def test_operands() -> None:
    """A register, a number, both, and sums of them."""
    it = Assembly(CONFIG)
    with it.registers(2) as (a, b):
        it.add(a, b, b)
        it.add(a, b, -5)
        it.add(a, b, b + 3)
        it.subtract(a, b, b - 3 + 10)
    found = [instruction_record().unpack(word) for word in it.words()]
    assert [(line["b"], line["immediate"]) for line in found] == [(2, 0), (0, -5), (2, 3), (2, 7)]
    assert [line["operation"] for line in found] == [Operation.ADD] * 3 + [Operation.SUBTRACT]
    assert {(line["d"], line["a"]) for line in found} == {(1, 2)}


def test_routines_return_and_what_is_seldom_stands_behind_them() -> None:
    """The larger of two numbers, by a branch that is put aside, in a routine that is called twice."""

    def program(it: Assembly) -> None:
        past = Label()
        it.go(past)

        def larger(a: Register, b: Register, to: Register) -> None:
            other, there = Label(), Label()
            it.less(a, b, other)
            it.put(there)
            it.store(a, to)

            def second() -> None:
                it.put(other)
                it.add(a, b, 0)
                it.go(there)

            it.aside(second)

        routine = it.routine(3, larger)
        it.put(past)
        it.call(routine, 5, 9, 100)
        it.call(routine, lambda register: it.load(register, 0), 3, 101)

    assert run_program(program, [70])[100:102] == [9, 70]


def test_what_was_put_aside_is_passed() -> None:
    def program(it: Assembly) -> None:
        with it.registers(1) as (value,):
            it.add(value, ZERO, 1)
            it.aside(lambda: it.store(value, 7))
            it.apart()
            it.store(value, 8)

    found = run_program(program, [])
    assert (found[7], found[8]) == (0, 1)


def test_registers_are_given_back() -> None:
    """All but 0 and the link, again and again; no more than there are."""
    it = Assembly(CONFIG)
    for _ in range(2):
        with it.registers(14) as all_:
            assert not {ZERO, LINK} & set(all_)
            with pytest.raises(AssertionError, match="1 registers asked for, 0 are free"), it.registers(1):
                pass


def test_a_register_does_not_live_across_a_call() -> None:
    it = Assembly(CONFIG)
    routine = it.routine(1, lambda value: it.store(value, 0))
    with it.registers(1), pytest.raises(AssertionError, match="lives across a call"):
        it.call(routine, 1)


def test_a_program_that_is_too_long_is_refused() -> None:
    it = Assembly(replace(CONFIG, controller_instructions=4))
    for _ in range(5):
        it.stop()
    with pytest.raises(CapacityError, match=r"needs 5 instructions; controller_instructions .* is 4"):
        it.words()
