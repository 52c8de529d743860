"""A few lines of Verilog on Icarus."""

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory


def printed(text: str) -> list[str]:
    """The lines that a bench prints, by each of the languages that Icarus can be told."""
    found = []
    for language in ("2005", "2012"):
        with TemporaryDirectory() as name:
            source, program = Path(name) / "bench.v", Path(name) / "bench"
            source.write_text(text)
            subprocess.run(["iverilog", f"-g{language}", "-o", program, source], check=True)
            done = subprocess.run(["vvp", "-n", program], check=True, capture_output=True, text=True)
            found.append(done.stdout.split())
    assert found[0] == found[1]
    return found[0]
