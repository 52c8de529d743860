"""How long things take: what a user waits for, in processor seconds."""
