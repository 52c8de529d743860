"""A Program timed."""
