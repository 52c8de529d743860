"""What gets a list of pins."""
