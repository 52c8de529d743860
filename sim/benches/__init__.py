"""cocotb benches: they run inside the simulators and import golden and `sim.drivers`, no more of ours."""
