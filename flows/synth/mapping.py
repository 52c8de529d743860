"""How a design becomes cells of a target: what Yosys is told, and what it leaves to do."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.synth.carry import absorb
from flows.synth.copies import copy_luts, copy_registers
from flows.synth.liberty import Library
from sim.drivers.ports import ToolError

ROWS = Path(__file__).with_name("rows.v")
"""How products become rows of adders."""


def map_commands(
    name: str, target: str, dsp: bool, flat: bool, library: Library | None, booth: bool = False
) -> list[str]:
    """Yosys commands from the design to cells of the target; `booth`: how an ASIC multiplies."""
    if library is not None:
        mapped = f"abc -liberty {library.path.absolute()} -constr constraints.txt"
        return [
            # No chip has initial values.
            "setattr -unset init w:*",
            f"synth -top {name}{' -flatten' if flat else ''}{' -booth' if booth else ''}",
            f"dfflibmap -liberty {library.path.absolute()}",
            mapped,
            "opt_clean -purge",
        ]
    keep = "" if flat else " -noflatten"
    # Widths are cut down first: a row is added for each digit that remains.
    rows = [
        "proc",
        *(["flatten"] if flat else []),
        "opt_expr",
        "opt_clean",
        "wreduce",
        f"techmap -map {ROWS.name}",
    ]
    return [
        *([] if dsp else rows),
        {
            "ecp5": f"synth_ecp5 -top {name}{keep}{'' if dsp else ' -nodsp'}",
            "ice40": f"synth_ice40 -device u -top {name}{keep}{' -dsp' if dsp else ''}",
            "gowin": f"synth_gowin -noiopads -top {name}{keep}{'' if dsp else ' -nodsp'}",
            "xilinx": f"synth_xilinx -noiopad -noclkbuf -top {name}"
            f"{' -flatten' if flat else ''}{'' if dsp else ' -nodsp'}",
        }[target],
    ]


_TWICE = "is driven twice"

NAME_CLASHES = ("->name) == 0' failed", "GetSize(conn.first) == GetSize(conn.second)' failed", _TWICE)
"""Parts of what is said where a bit gets the name of a wire or a cell in abc9 (Yosys, issues 4349, 4451); it
stops, or goes on with a netlist in which two nets are one."""


def without_wires(commands: Sequence[str]) -> list[str]:
    """The same commands, with all wires split into bits before abc9, so that no names clash.

    Only for designs that need it: elsewhere words keep their names.
    """
    return [
        part
        for command in commands
        for part in (
            (f"{command} -run begin:map_luts", "splitnets", f"{command} -run map_luts:")
            if command.startswith("synth_")
            else (command,)
        )
    ]


def drive_and_load(library: Library) -> str:
    """What drives and loads the design, for abc: an inverter at each input, four at each output."""
    inverter = library.inverter()
    load = 4 * sum(inverter.inputs.values())
    return f"set_driving_cell {inverter.name}\nset_load {load:g} [all_outputs]\n"


def driven_twice(module: dict[str, Any]) -> str:
    """What drives a net that has two drivers, in the words of an error; "" where no net has."""
    drivers: dict[int, str] = {}
    for name, cell in module["cells"].items():
        outputs = [port for port, way in cell.get("port_directions", {}).items() if way == "output"]
        for port in outputs:
            for bit in cell["connections"][port]:
                if isinstance(bit, int):
                    if bit in drivers:
                        return f"a net {_TWICE}: by {drivers[bit]} and by {name}.{port}"
                    drivers[bit] = f"{name}.{port}"
    return ""


def finish_ecp5(path: Path) -> None:
    """What Yosys leaves to do on its JSON netlist, in place.

    Raises ToolError where two cells drive a net.
    """
    netlist = json.loads(path.read_text())
    for name, module in netlist["modules"].items():
        if module.get("cells"):
            if wrong := driven_twice(module):
                raise ToolError(f"Yosys left a wrong netlist of {name} in {path}: {wrong}")
            absorb(module)
            copy_registers(module)
            copy_luts(module)
    path.write_text(json.dumps(netlist))
