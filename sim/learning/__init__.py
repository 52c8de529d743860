"""Devices that learn, simulated."""
