"""LightNorm's Verilog beside the integer model: stimulus, expected beats, runs."""
