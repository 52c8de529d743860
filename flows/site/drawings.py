"""The drawings of docs/drawings: each made from the code, or from a simulation of it."""

from pathlib import Path

from flows.site.arrows import ROOMS, folder_arrows, plain, room_arrows, wires
from flows.site.layers import graph, rows_of
from flows.site.waves import drawing, simulate
from flows.site.ways import WAYS, way

DRAWINGS = "drawings"
"""Their folder below docs."""

IMAGE = ("i_image.valid", "i_image.ready", "i_image.payload.last", "busy")
RESULT = ("busy", "cycles", "o_result.valid", "o_result.ready", "o_result.payload.last")


def drawn(root: Path) -> dict[str, str]:
    """File name → SVG, for the code below `root`; simulation and docstrings are the running code's."""
    found = {"rooms.svg": _rooms(root), "units.svg": _units(root)}
    for room in ("golden", "hw"):
        arrows = folder_arrows(root, room)
        names = sorted({name for arrow in arrows for name in arrow})
        found[f"folders-{room}.svg"] = graph(
            f"Folders of {room}: who imports whom", rows_of(names, arrows), arrows
        )
    found |= {f"way-{name}.svg": way(f"The way of a {name}", stations) for name, stations in WAYS.items()}
    return found | _timing()


def _rooms(root: Path) -> str:
    arrows = plain(room_arrows(root))
    return graph("Rooms: who imports whom", rows_of(ROOMS, arrows), arrows)


def _units(root: Path) -> str:
    arrows = wires(root / "hw/core" / name for name in ("accelerator.py", "array.py"))
    names = sorted({name for arrow in arrows for name in arrow}, key=lambda it: (not it.startswith("i_"), it))
    return graph("Units of the accelerator", rows_of(names, arrows), arrows)


def _timing() -> dict[str, str]:
    waves = simulate()
    marks = waves.marks
    load = ("rst", "i_program.valid", "i_program.ready", "loaded", "error")
    return {
        "timing-load.svg": drawing(
            "The end of a program", waves, load, marks["program"] - 12, marks["image"] + 2
        ),
        "timing-image.svg": drawing(
            "An image goes in, a run begins",
            waves,
            (*IMAGE, "cycles"),
            marks["image"] - 1,
            marks["image"] + 12,
        ),
        "timing-result.svg": drawing(
            "A run ends, its result goes out", waves, RESULT, marks["short"] - 24, marks["short"] - 1
        ),
        "timing-error.svg": drawing(
            "A frame that is too short", waves, (*IMAGE, "error"), marks["short"] - 2, marks["short"] + 16
        ),
    }
