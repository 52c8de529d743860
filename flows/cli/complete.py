"""Completion in the shell, made of the parser itself."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import shtab

from flows.cli.commands import SHELLS, Complete
from flows.cli.parser import make_parser
from golden.spec.errors import LightDealError


def complete(options: Complete) -> str:
    """The script that a shell reads. Raises LightDealError for a shell that is not known."""
    if options.shell not in SHELLS:
        raise LightDealError(f"shell {options.shell!r}; legal: {', '.join(SHELLS)}")
    parser = make_parser()
    for action in _actions(parser):
        if action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    return shtab.complete(parser, options.shell)


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from _actions(sub)
