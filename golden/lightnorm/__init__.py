"""LightNorm: range batch norm in block floating point; docs/lightnorm.md is the contract."""
