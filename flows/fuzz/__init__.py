"""Random networks through all machines."""
