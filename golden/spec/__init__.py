"""The words both sides agree on; plain Python that imports nothing else."""
