"""Memories that become macros: large RAMs with clocked reads leave the logic as black boxes."""

import re
from dataclasses import dataclass

MACRO = "lightdeal_ram"
"""Beginning of the module names of macros."""

MACRO_BITS = 1024
"""A memory of fewer bits, or with a combinational read port, stays in the logic (LUT RAM, flip-flops)."""

# Initial zeros of memories: nothing relies on them, and no macro has them.
_ZEROS = re.compile(
    r"^  cell \$meminit_v2 .*\n(?:    .*\n)*?    connect \\DATA \d+'0+\n(?:    .*\n)*?  end\n", re.MULTILINE
)
_CELL = re.compile(
    r"^(?P<notes>(?:  attribute .*\n)*)  cell \$mem_v2 (?P<name>\S+)\n(?P<body>(?:    .*\n)*?)  end\n",
    re.MULTILINE,
)
_PARAMETER = re.compile(r"^    parameter (?:signed )?\\(\w+) (.*)$", re.MULTILINE)
_MODULE = re.compile(r"^module (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Macro:
    """One memory macro of a design.

    Parameters
    ----------
    module: hierarchical name of the module that holds it.
    kind: name of its black box; equal kinds have equal shapes.
    words, bits: depth, and width of a word.
    reads, writes: ports.
    """

    module: str
    kind: str
    words: int
    bits: int
    reads: int
    writes: int


def without_zeros(rtlil: str) -> str:
    """RTLIL without the initial zeros of memories."""
    return _ZEROS.sub("", rtlil)


def _zeros(bits: re.Match[str]) -> str:
    return "0" * len(bits[0])


def _integer(text: str) -> int:
    width, quote, bits = text.partition("'")
    return int(bits, 2) if quote else int(width)


def _port_widths(values: dict[str, str]) -> dict[str, int]:
    """Ports of `$mem_v2` and their widths (Yosys' manual, section on memories)."""
    reads, writes, bits, address = (
        _integer(values[name]) for name in ("RD_PORTS", "WR_PORTS", "WIDTH", "ABITS")
    )
    return {
        **dict.fromkeys(("RD_CLK", "RD_EN", "RD_ARST", "RD_SRST"), reads),
        "RD_ADDR": reads * address,
        "RD_DATA": reads * bits,
        "WR_CLK": writes,
        "WR_EN": writes * bits,
        "WR_ADDR": writes * address,
        "WR_DATA": writes * bits,
    }


def make_macros(rtlil: str) -> tuple[str, str, tuple[Macro, ...]]:
    """Large memories as black boxes.

    The first text is the design with an instance in place of every large `$mem_v2` cell and the
    black boxes behind it; the second has the same modules with the memory inside, to simulate.
    `rtlil` is what Yosys writes after `memory -nomap`.
    """
    starts = [(match.start(), match[1].removeprefix("\\")) for match in _MODULE.finditer(rtlil)]
    found: list[Macro] = []
    kinds: dict[str, str] = {}

    def replace(match: re.Match[str]) -> str:
        values = dict(_PARAMETER.findall(match["body"]))
        words, bits = _integer(values["SIZE"]), _integer(values["WIDTH"])
        reads, writes = _integer(values["RD_PORTS"]), _integer(values["WR_PORTS"])
        clocked = values["RD_CLK_ENABLE"].partition("'")[2]
        if words * bits < MACRO_BITS or "0" in clocked[-reads:]:
            return match.group()
        # The name of the memory itself must not make two equal kinds differ.
        values["MEMID"] = '"\\\\ram"'
        # Yosys wants one clock where a read during a write may give anything; the body has two inputs.
        values["RD_COLLISION_X_MASK"] = re.sub(r"(?<=')[01]+", _zeros, values["RD_COLLISION_X_MASK"])
        ports = _port_widths(values)
        wires = "".join(
            f"  wire width {width} {'output' if name == 'RD_DATA' else 'input'} {number} \\{name}\n"
            for number, (name, width) in enumerate(ports.items(), 1)
        )
        cell = "".join(f"    parameter \\{name} {value}\n" for name, value in values.items())
        cell += "".join(f"    connect \\{name} \\{name}\n" for name in ports)
        body = f"{wires}  cell $mem_v2 $ram\n{cell}  end\nend\n"
        kind = f"{MACRO}_{words}x{bits}_{reads}r{writes}w"
        if body not in kinds and kind in kinds.values():
            kind += f"_{len(kinds)}"
        kind = kinds.setdefault(body, kind)
        module = [name for start, name in starts if start < match.start()][-1]
        found.append(Macro(module, kind, words, bits, reads, writes))
        connections = "".join(f"{line}\n" for line in match["body"].splitlines() if "    connect " in line)
        return f"{match['notes']}  cell \\{kind} {match['name']}\n{connections}  end\n"

    design = _CELL.sub(replace, rtlil)
    boxes = "".join(
        f"attribute \\blackbox 1\nmodule \\{kind}\n{body[: body.index('  cell ')]}end\n"
        for body, kind in kinds.items()
    )
    bodies = "".join(f"module \\{kind}\n{body}" for body, kind in kinds.items())
    return design + boxes, bodies, tuple(found)
