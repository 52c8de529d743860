"""A user's module → graph."""
