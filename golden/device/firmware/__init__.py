"""What the controller of a device does in a step of training (docs/learning.md), as programs of it."""
