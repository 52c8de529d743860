"""`lightdeal report`: what the accelerators cost, from measured metrics alone."""
