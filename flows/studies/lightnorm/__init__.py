"""LightNorm beside its rivals: accuracy from kept training runs, traffic, area."""
