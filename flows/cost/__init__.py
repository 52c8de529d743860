"""`lightdeal synth`: what a unit costs on a target, or all figures of synthesis in one go."""
