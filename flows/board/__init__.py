"""A self-test of a program on an FPGA board, down to the bitstream."""
