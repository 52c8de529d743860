"""Loader, control, the accelerator."""
