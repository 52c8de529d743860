"""Trainings and comparisons: patterns, accuracy, arithmetics, simulators, LightNorm, planted bugs."""
