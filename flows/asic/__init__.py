"""Gates of an ASIC: simulated for their toggles, timed, and their power."""
