"""Networks that people have, from PyTorch to RTL, in one table."""
