"""cocotb benches: they run inside the simulators and import golden, but neither hw nor the rest of sim."""
