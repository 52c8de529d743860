"""What drives and watches streams."""
