"""A network: floats, integers, the reference that runs it."""
