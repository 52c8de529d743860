"""A sweep over configurations to a Pareto front of accuracy, cycles, area and energy."""
