"""A network's whole way: compress, compile, run, Verilog, hand-off, and the demo that shows it."""
