"""The simulators of Verilog, and what they need."""

TOOLS = {
    "icarus": {"iverilog": "iverilog", "vvp": "iverilog"},
    "verilator": {"g++": "g++", "make": "make", "perl": "perl"},
}
"""Programs that a simulator needs and the Debian packages that bring them."""

SIMULATORS = tuple(TOOLS)
