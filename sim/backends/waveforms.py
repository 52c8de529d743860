"""Waveforms as others read them."""

import re
from pathlib import Path

_UNNAMED = re.compile(rb"^\$var (?:\S+ ){3}(?=\$)")


def name_all(path: Path) -> None:
    """Gives names to what has none in a VCD file: "_signal" for "$signal", as "$" begins a keyword there.

    In place, as a file may be long and its head is short.
    """
    with path.open("r+b") as file:
        place = 0
        while (line := file.readline()) and not line.startswith(b"$enddefinitions"):
            if found := _UNNAMED.match(line):
                file.seek(place + found.end())
                file.write(b"_")
                file.seek(place + len(line))
            place += len(line)
