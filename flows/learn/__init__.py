"""Training on the device, for a user: tasks, the device's rule beside its controls, what they reach."""
