"""Verilog in which what rests costs nothing: registers whose sources stand still are not computed anew.

Verilator computes all logic behind a clock in every cycle. The way of the words that are written back rests
most of the time, so the compiled simulator compares what the registers of a stage are computed from with what
it was in the cycle before. Where that is the same, so are the registers' next values: they hold them already.
"""

import re
from collections.abc import Iterable

_MODULE = re.compile(r"^module (\S+).*?^endmodule$\n?", re.MULTILINE | re.DOTALL)
_DECLARED = re.compile(
    r"^  (input|output|wire|reg) (signed )?(?:\[(\d+):0\] )?(\\\S+ |\w+)(?: = (\S+))?;$", re.MULTILINE
)
_REGISTER = re.compile(r"^  always @\(posedge clk\)\n    (\\\S+ |\w+) ?<= (.*);\n", re.MULTILINE)
_WIRE = re.compile(r"^  assign (\\\S+ |\w+) ?= (.*);\n", re.MULTILINE)
_NAME = re.compile(r"\\\S+ |(?<![\w$'])[A-Za-z_]\w*")

LEAST = 6
"""Wires and registers that a stage must have: a comparison costs about as much as three of them."""


def with_rest(text: str, modules: str) -> str:
    """Verilog that does the same.

    Registers with an enable, and what reads memories, stay as they are.

    Parameters
    ----------
    modules: pattern of the names of those that are worth it; in others the comparisons take longer than they
        save.
    """
    return _MODULE.sub(lambda it: _module(it[0]) if re.search(modules, it[1]) else it[0], text)


def _module(text: str) -> str:
    end = text.index("endmodule\n")
    declared = {name: (signed, int(high or 0)) for _, signed, high, name, _ in _DECLARED.findall(text)}
    wires = dict(_WIRE.findall(text))
    registers: dict[str, str] = {}
    cones: dict[str, set[str]] = {}
    sources: dict[str, set[str]] = {}
    for name, value in _REGISTER.findall(text):
        cone = _cone(value, wires)
        read = {it for part in (value, *(wires[wire] for wire in cone)) for it in _names(part)} - wires.keys()
        # What is not declared as a word is a memory.
        if name in declared and (read | cone) <= declared.keys():
            registers[name], cones[name], sources[name] = value, cone, read
    stages: dict[int, list[str]] = {}
    for name, stage in _stages(sources).items():
        stages.setdefault(stage, []).append(name)
    added, moved = [], set()
    for number, members in stages.items():
        inner = _ordered({wire for name in members for wire in cones[name]}, wires)
        if len(inner) + len(members) >= LEAST:
            watched = sorted({it for name in members for it in sources[name]})
            values = {name: registers[name] for name in members}
            added.append(_stage(number, values, {it: wires[it] for it in inner}, watched, declared))
            moved |= set(members)
    kept = _REGISTER.sub(lambda found: "" if found[1] in moved else found[0], text[:end])
    return "".join([kept, *added, text[end:]])


def _names(value: str) -> Iterable[str]:
    return _NAME.findall(value)


def _cone(value: str, wires: dict[str, str]) -> set[str]:
    """The wires that a value is computed from."""
    waiting, found = [value], set()
    while waiting:
        for name in _names(waiting.pop()):
            if name in wires and name not in found:
                found.add(name)
                waiting.append(wires[name])
    return found


def _stages(sources: dict[str, set[str]]) -> dict[str, int]:
    """Register → stage of a pipeline, 1 first; all in one where they wait for each other."""
    stages = dict.fromkeys(sources, 1)
    for _ in range(len(sources)):
        later = {
            name: 1 + max((stages[it] for it in read if it in stages), default=0)
            for name, read in sources.items()
        }
        if later == stages:
            return stages
        stages = later
    return dict.fromkeys(sources, 1)


def _ordered(inner: set[str], wires: dict[str, str]) -> list[str]:
    """Wires, each behind those that it is computed from."""
    done: dict[str, None] = {}

    def visit(name: str) -> None:
        if name in done:
            return
        for it in _names(wires[name]):
            if it in inner:
                visit(it)
        done[name] = None

    for name in sorted(inner):
        visit(name)
    return list(done)


def _stage(
    number: int,
    registers: dict[str, str],
    wires: dict[str, str],
    watched: list[str],
    declared: dict[str, tuple[str, int]],
) -> str:
    """The text of a stage: register or wire → value, wires in their order; what they are computed from."""
    copies = {name: f"\\{name.strip().removeprefix(chr(92))}/{number} " for name in wires}

    def copied(value: str) -> str:
        return _NAME.sub(lambda found: copies.get(found[0], found[0]), value)

    width = sum(declared[name][1] + 1 for name in watched)
    now = "{" + ", ".join(watched) + "}"
    lines = [f"  reg {declared[name][0]}[{declared[name][1]}:0] {copy};" for name, copy in copies.items()]
    lines += [
        f"  reg \\seen/{number} = 1'h0;",  # a reset powers up again what has a value
        f"  reg [{width - 1}:0] \\before/{number} ;",
        f"  always @(posedge clk) if (!\\seen/{number} || \\before/{number} != {now}) begin",
        f"    \\seen/{number} <= 1'h1;",
        f"    \\before/{number} <= {now};",
    ]
    lines += [f"    {copies[name]}= {copied(value)};" for name, value in wires.items()]
    lines += [f"    {name} <= {copied(value)};" for name, value in registers.items()]
    return "\n".join([*lines, "  end", ""])
