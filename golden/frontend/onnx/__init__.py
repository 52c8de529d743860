"""An ONNX file → a torch module."""
