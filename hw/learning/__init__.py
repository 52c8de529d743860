"""The parts of an accelerator that learns."""
