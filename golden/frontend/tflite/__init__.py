"""A .tflite file → a torch module."""
