"""From a network that learns to the memories and commands of one step on the device."""
