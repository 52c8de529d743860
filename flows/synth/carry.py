"""ECP5: logic in front of an adder moves into the adder's own look-up tables.

A CCU2C holds two bits of a carry chain, each with a LUT4 of which an addition uses two inputs. Yosys maps
adders before logic and leaves the other two unused. `absorb` moves a LUT4 that feeds nothing but adders into
them where a bit's function still fits: a gated or an inverted operand then costs nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from itertools import permutations, product
from typing import Any

Bit = int | str
"""A net's number, or "0", "1", "x"."""

Table = tuple[int, ...]
"""A function of some variables: its values, the first variable lowest."""

INPUTS = "ABCD"


def _lut(init: str) -> Table:
    """The values of a LUT from Yosys' text, its highest place first."""
    return tuple(int(bit == "1") for bit in reversed(init))


def _index(values: Sequence[int]) -> int:
    return sum(value << place for place, value in enumerate(values))


@cache
def fit(propagate: Table, generate: Table) -> tuple[tuple[int | None, ...], Table] | None:
    """How a bit of an adder fits a half of a CCU2C.

    Parameters
    ----------
    propagate: of at most four variables; sum = propagate ^ carry in.
    generate: of the same; the carry out where propagate is 0 (elsewhere it is the carry in).

    Returns (variable of each of the inputs A to D, or None for a constant 1; the LUT), or None if it
    does not fit: the carry is LUT(A, B, 0, 0) where LUT(A, B, C, D) is 0.
    """
    count = len(propagate).bit_length() - 1
    places: list[int | None] = [*range(count), *([None] * (4 - count))]
    for inputs in dict.fromkeys(permutations(places)):
        lut: dict[int, int] = {}
        assignments = list(product((0, 1), repeat=count))
        at = [[1 if i is None else values[i] for i in inputs] for values in assignments]
        for values, place in zip(assignments, at, strict=True):
            lut[_index(place)] = propagate[_index(values)]
        carries = [
            (_index([*place[:2], 0, 0]), generate[_index(values)])
            for values, place in zip(assignments, at, strict=True)
            if not propagate[_index(values)]
        ]
        if all(lut.setdefault(place, carry) == carry for place, carry in carries):
            return inputs, tuple(lut.get(place, 0) for place in range(16))
    return None


class _Half:
    """One bit of a carry chain: functions of the nets at the inputs of a half of a CCU2C."""

    def __init__(self, cell: dict[str, Any], half: int) -> None:
        self.cell, self.half = cell, half
        pins = [cell["connections"][f"{name}{half}"][0] for name in INPUTS]
        lut = _lut(cell["parameters"][f"INIT{half}"])
        self._set(
            pins,
            lambda value: lut[_index([value[pin] for pin in pins])],
            lambda value: lut[_index([value[pin] for pin in pins[:2]])],
        )

    def _set(
        self, pins: list[Bit], propagate: Callable[[dict[Bit, int]], int], generate: Callable[..., int]
    ) -> None:
        self.nets = list(dict.fromkeys(pin for pin in pins if isinstance(pin, int)))
        rows = [
            {"0": 0, "1": 1, "x": 0} | dict(zip(self.nets, reversed(values), strict=True))
            for values in product((0, 1), repeat=len(self.nets))
        ]
        self.propagate = tuple(propagate(row) for row in rows)
        self.generate = tuple(generate(row) for row in rows)

    def absorbed(self, lut: dict[str, Any]) -> "_Half | None":
        """This half with a LUT4 taken in, or None if that does not fit."""
        output = lut["connections"]["Z"][0]
        pins = [lut["connections"][name][0] for name in INPUTS]
        table = _lut(lut["parameters"]["INIT"])
        nets = [net for net in self.nets if net != output]
        union = list(dict.fromkeys([*nets, *(pin for pin in pins if isinstance(pin, int))]))
        if len(union) > len(INPUTS):
            return None

        def inner(function: Table) -> Callable[[dict[Bit, int]], int]:
            def value(row: dict[Bit, int]) -> int:
                found = row | {output: table[_index([row[pin] for pin in pins])]}
                return function[_index([found[net] for net in self.nets])]

            return value

        result = object.__new__(_Half)
        result.cell, result.half = self.cell, self.half
        result._set(list(union), inner(self.propagate), inner(self.generate))
        return result if fit(result.propagate, result.generate) else None

    def write(self) -> None:
        """Put the function into the cell."""
        found = fit(self.propagate, self.generate)
        assert found is not None
        inputs, lut = found
        for name, variable in zip(INPUTS, inputs, strict=True):
            self.cell["connections"][f"{name}{self.half}"] = [
                "1" if variable is None else self.nets[variable]
            ]
        self.cell["parameters"][f"INIT{self.half}"] = "".join(str(bit) for bit in reversed(lut))


def absorb(module: dict[str, Any]) -> int:
    """Move LUTs into adders in one module of a netlist that Yosys wrote as JSON, in place.

    Returns how many LUT4s are gone.
    """
    cells = module["cells"]
    halves: dict[tuple[str, int], _Half] = {}
    sinks: dict[Bit, set[tuple[str, int]]] = defaultdict(set)
    kept = {bit for port in module["ports"].values() for bit in port["bits"]}
    for name, cell in cells.items():
        inputs = [
            (pin, bits)
            for pin, bits in cell["connections"].items()
            if cell["port_directions"][pin] == "input"
        ]
        adder = cell["type"] == "CCU2C" and "YES" not in cell["parameters"].values()
        for pin, bits in inputs:
            if adder and pin[0] in INPUTS and pin != "CIN":
                sinks[bits[0]].add((name, int(pin[1])))
            else:
                kept.update(bits)
        if adder:
            halves |= {(name, half): _Half(cell, half) for half in range(2)}
    gone = 0
    for name, lut in list(cells.items()):
        output = lut["connections"]["Z"][0] if lut["type"] == "LUT4" else None
        if output is None or output in kept or not sinks[output]:
            continue
        taken = {place: halves[place].absorbed(lut) for place in sinks[output]}
        if any(half is None for half in taken.values()):
            continue
        for place, half in taken.items():
            assert half is not None
            halves[place] = half
            half.write()
            for net in half.nets:
                sinks[net].add(place)
        del cells[name]
        gone += 1
    return gone
