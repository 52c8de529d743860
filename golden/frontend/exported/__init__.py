"""A program of torch.export → a torch module."""
