"""The parser: an option for each field of a verb's options. `flows.base.ending` has the exit codes."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, fields
from typing import Any, NoReturn

from flows.base.ending import FAILED, WRONG, exit_code
from flows.base.option_kinds import Choice, Kind, Real, Whole, check, kinds
from flows.base.verb import Verb
from flows.cli.verbs import GROUPS, VERBS
from golden.spec.errors import LightDealError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code. Whatever goes wrong is said in one line."""
    return exit_code(lambda: _call(arguments))


def _call(arguments: Sequence[str] | None) -> int:
    try:
        chosen = make_parser().parse_args(arguments)
    except SystemExit as leaving:
        return int(leaving.code or 0)
    verb: Verb = chosen.verb
    options = _options(verb.options, chosen)
    check(options)
    text, well = verb.do(options)
    print(text)
    return 0 if well else FAILED


def _options(kind: type, chosen: argparse.Namespace) -> Any:
    values = {field.name: getattr(chosen, field.name) for field in fields(kind)}
    return kind(**{name: tuple(it) if isinstance(it, list) else it for name, it in values.items()})


ARRAYS = ".npz file of images (float32, N×C×H×W) and, where needed, labels (N); or digits, fashion-mnist"


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in a line of the form that all errors have."""

    def print_help(self, file: Any = None) -> None:
        """As it is, but without keeping quiet of what cannot be written."""
        print(self.format_help(), end="", file=file)

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        verb = self.prog.partition(" ")[2]
        self.exit(WRONG, f"lightdeal: {verb}{': ' if verb else ''}{message}\n")


def make_parser() -> argparse.ArgumentParser:
    """A parser with one argument for every field of a verb's options."""
    parser = _Parser(
        prog="lightdeal",
        description="Sparse shift-add accelerators, bit-exact from PyTorch to Verilog.",
        epilog="exit codes: 0 all well, 1 a check failed, 2 a wrong argument, file or place, "
        "3 a fault of LightDeal itself, 130 interrupted",
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    groups = {"": verbs}
    for name, verb in VERBS.items():
        group, _, last = name.rpartition(" ")
        if group not in groups:
            whole = verbs.add_parser(group, help=GROUPS[group], description=GROUPS[group])
            groups[group] = whole.add_subparsers(required=True, metavar="WHAT")
        sub = groups[group].add_parser(last, help=verb.help, description=verb.help)
        declared = kinds(verb.options)
        for field in fields(verb.options):
            _add(sub, field, declared[field.name], verb.said(field.name))
        sub.set_defaults(verb=verb)
        if any(other.startswith(f"{name} ") for other in VERBS):
            groups[name] = sub.add_subparsers(metavar="WHAT")
    return parser


def _add(parser: argparse.ArgumentParser, field: Field[Any], kind: Kind, text: str) -> None:
    """An argument for a field: without a default positional, or required if it is `data`."""
    flag = "--" + field.name
    default = field.default
    if default is MISSING:
        if field.name == "data":
            parser.add_argument(flag, required=True, help=ARRAYS)
        else:
            parser.add_argument(field.name, type=kind.base, help=text, metavar=field.name.upper())
        return
    made: Callable[[str], Any] = kind.base
    if isinstance(kind.mark, Whole | Real):
        text += f"; {kind.mark}"
        made = _number(kind.mark)
    if default is not None:
        text += " (default: %(default)s)"
    if kind.base is bool:
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=default, help=text)
    elif kind.many:
        parser.add_argument(flag, type=made, nargs="+", default=default, help=text)
    elif isinstance(kind.mark, Choice):
        parser.add_argument(flag, choices=kind.mark.words, default=default, help=text)
    else:
        parser.add_argument(flag, type=made, default=default, help=text)


def _number(mark: Whole | Real) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            return mark.parse(text)
        except LightDealError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse
