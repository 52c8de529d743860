"""Batch norm in FP32 or bfloat16."""
