"""What synthesis maps to."""

TARGETS = ("ecp5", "ice40", "gowin", "xilinx", "osu018")
"""osu018 stands for an ASIC."""
