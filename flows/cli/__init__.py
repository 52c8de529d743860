"""The command line: it collects the verbs of all rooms and parses; what a verb does stands in its room."""

from flows.cli.parser import main

__all__ = ["main"]
