"""Batch norm in FP32 or bfloat16, bit-exact."""
