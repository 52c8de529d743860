"""LightNorm: the passes over the values, and the words of a channel."""
