"""What the command line loads before it knows what is asked, and what comes when it is."""

import subprocess
import sys

HELP = """
import sys
from flows.cli import main

assert main(["--help"]) == 0
print(sorted({"torch", "amaranth", "matplotlib", "sklearn", "cocotb"} & set(sys.modules)))
"""

RIVALS = """
import sys
import flows
from dataclasses import replace
from golden.spec.arithmetics import names
from golden.spec.config import SMALL

assert "golden.baselines" not in sys.modules
from golden.datapath import protocol
from hw.engine import datapath

for name in names():
    config = replace(SMALL, arithmetic=name)
    print(protocol.datapath(config).arithmetic.name, datapath.datapath(config).arithmetic.name)
"""


def _said(script: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_help_loads_nothing_large() -> None:
    assert _said(HELP)[-1] == "[]"


def test_the_rivals_are_there_when_a_configuration_asks_for_one() -> None:
    assert _said(RIVALS) == [f"{name} {name}" for name in ("shift_add", "int8", "rows_int8", "rebuild")]
