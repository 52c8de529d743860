"""How it is built."""
