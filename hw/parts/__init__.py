"""What knows nothing of layers."""
