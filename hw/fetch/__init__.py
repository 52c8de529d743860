"""Feature words → rows."""
