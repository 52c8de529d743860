"""Comparisons of what machines say."""
