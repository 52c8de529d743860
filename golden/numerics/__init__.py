"""Rounding, saturation, packed words for whole arrays."""
