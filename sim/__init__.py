"""Golden and hardware are asked the same question."""
