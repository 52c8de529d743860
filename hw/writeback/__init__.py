"""Sums → words."""
