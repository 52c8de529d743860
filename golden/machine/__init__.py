"""A Program executed; the one decoder."""
