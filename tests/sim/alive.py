"""Whether processes that a test has started still run."""

from pathlib import Path


def alive(number: int) -> bool:
    """Whether a process runs: one that has ended, though nobody asked for it yet, does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
