"""The figures in README.md and docs/: kept in docs/results, written into the texts by one command."""
