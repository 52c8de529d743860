accelerator.v
testbench.v
