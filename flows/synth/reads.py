"""Read ports of memories, as an FPGA's block RAM likes them.

Two things that Amaranth's RTLIL does not say by itself. Yosys heeds the attribute `no_rw_check` only where it
turns a flip-flop into a read port, and here the ports are ready-made; and it has no place but flip-flops for
a read without a clock on a part without LUT RAM.
"""

import re

_MODULES = re.compile(r"^(?=module )", re.MULTILINE)
_MEMORY = re.compile(
    r"^(?P<notes>(?:  attribute .*\n)+)  memory width \d+ size \d+ (?P<name>\S+)$", re.MULTILINE
)
_READ = re.compile(r"^  cell \$memrd_v2 .*\n(?:    .*\n)*?  end\n", re.MULTILINE)
_WRITE = re.compile(r"^  cell \$memwr_v2 .*\n(?:    .*\n)*?  end\n", re.MULTILINE)
_NAME = re.compile(r'parameter \\MEMID "\\(\S+)"')
_MASK = re.compile(r"(parameter \\COLLISION_X_MASK )(\d+)'[01]+")
_CLOCK = re.compile(r"connect \\CLK (.*)")


def _name(cell: str) -> str:
    found = _NAME.search(cell)
    assert found, "every port says which memory it belongs to"
    return found[1]


def unordered_reads(rtlil: str) -> str:
    """RTLIL in which a read of a word while it is written may give anything, for memories with `no_rw_check`.

    Without it Yosys builds registers and multiplexers that hold what the block RAM would lose, and a RAM of
    its own for each read port.
    """

    def in_module(module: str) -> str:
        marked = {found["name"] for found in _MEMORY.finditer(module) if "\\no_rw_check 1" in found["notes"]}

        def loosen(found: re.Match[str]) -> str:
            if _name(found[0]) not in marked:
                return found[0]
            return _MASK.sub(lambda mask: f"{mask[1]}{mask[2]}'{'1' * int(mask[2])}", found[0])

        return _READ.sub(loosen, module)

    return "".join(in_module(module) for module in _MODULES.split(rtlil))


def reads_in_mid_cycle(rtlil: str) -> str:
    """RTLIL in which reads without a clock happen at the falling edge of the clock that writes.

    Every write of the cycle before is in the memory by then, and nothing is written before the cycle ends,
    so what is read is the same as without a clock, for an address that comes from flip-flops of the rising
    edge. It takes half a cycle to the read and half a cycle from it, which the router's timing heeds.
    """

    def in_module(module: str) -> str:
        clocks: dict[str, str] = {}
        for found in _WRITE.finditer(module):
            clock = _CLOCK.search(found[0])
            assert clock, "every write port has a clock"
            clocks[_name(found[0])] = clock[1]

        def halve(found: re.Match[str]) -> str:
            cell = found[0]
            if "\\CLK_ENABLE 0\n" not in cell:
                return cell
            cell = cell.replace("\\CLK_ENABLE 0\n", "\\CLK_ENABLE 1\n")
            cell = cell.replace("\\CLK_POLARITY 1\n", "\\CLK_POLARITY 0\n")
            return _CLOCK.sub(lambda _: f"connect \\CLK {clocks[_name(found[0])]}", cell)

        return _READ.sub(halve, module)

    return "".join(in_module(module) for module in _MODULES.split(rtlil))
