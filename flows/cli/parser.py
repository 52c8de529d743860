"""The parser: an option for each field of a verb's options. `flows.base.ending` has the exit codes."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, NoReturn

from flows.base.ending import CODES, FAILED, WRONG, exit_code
from flows.base.metrics import read_metrics, rows_of
from flows.base.option_kinds import Choice, Kind, Real, Whole, check, kinds
from flows.base.progress import QUIET, say
from flows.base.verb import Said, Verb
from flows.cli.verbs import GROUPS, SECTIONS, VERBS
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
    started = time.time()
    before = QUIET.set(chosen.quiet)
    try:
        if verb.takes:
            say(f"{verb.name}: {verb.help}; takes {verb.takes}")
        said = verb.do(options)
    finally:
        QUIET.reset(before)
    code = 0 if said.well else FAILED
    print(_as_json(verb, options, said, code, started) if chosen.json else said.text)
    return code


def _options(kind: type, chosen: argparse.Namespace) -> Any:
    values = {field.name: getattr(chosen, field.name) for field in fields(kind)}
    return kind(**{name: tuple(it) if isinstance(it, list) else it for name, it in values.items()})


def _as_json(verb: Verb, options: Any, said: Said, code: int, started: float) -> str:
    """What a verb says as one object: `values` are its own, `metrics` those that it wrote into its folder."""
    folder = getattr(options, "folder", None) or getattr(options, "out", None)
    file = folder / "metrics.json" if isinstance(folder, Path) else None
    fresh = file is not None and file.is_file() and file.stat().st_mtime >= started - 1
    metrics = read_metrics(file) if file is not None and fresh else {}
    whole = {
        "verb": verb.name,
        "exit_code": code,
        "passed": said.well,
        "values": said.values,
        "metrics": {name: {"value": it.value, "unit": it.unit} for name, it in metrics.items()},
        "tables": rows_of(said.text),
        "text": said.text.splitlines(),
    }
    return json.dumps(whole, indent=1, ensure_ascii=False)


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


class _Grouped(argparse.HelpFormatter):
    """The help of all verbs: by what one wants to do."""

    def _iter_indented_subactions(self, action: argparse.Action) -> Generator[argparse.Action, None, None]:
        if not isinstance(action, argparse._SubParsersAction):
            yield from super()._iter_indented_subactions(action)
            return
        listed = {it.dest: it for it in action._get_subactions()}
        for section, verbs in SECTIONS.items():
            heads = [name for verb in verbs if (name := verb.name.partition(" ")[0]) in listed]
            yield argparse.Action([], dest="", metavar=f"{section}:", help=None)
            self._indent()
            yield from (listed.pop(name) for name in dict.fromkeys(heads))
            self._dedent()


def make_parser() -> argparse.ArgumentParser:
    """A parser with one argument for every field of a verb's options."""
    codes = "exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in CODES.items())
    parser = _Parser(
        prog="lightdeal",
        description="Sparse shift-add accelerators, bit-exact from PyTorch to Verilog.",
        epilog=codes,
        formatter_class=_Grouped,
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB", title="verbs, by what you want to do")
    groups = {"": verbs}
    for name, verb in VERBS.items():
        group, _, last = name.rpartition(" ")
        if group not in groups:
            whole = verbs.add_parser(group, help=GROUPS[group], description=GROUPS[group], epilog=codes)
            groups[group] = whole.add_subparsers(required=True, metavar="WHAT")
        about = verb.help + (f"; takes {verb.takes}" if verb.takes else "")
        sub = groups[group].add_parser(last, help=verb.help, description=about, epilog=codes)
        declared = kinds(verb.options)
        for field in fields(verb.options):
            _add(sub, field, declared[field.name], verb.said(field.name))
        sub.add_argument("--quiet", action="store_true", help="say nothing but results, warnings and errors")
        sub.add_argument("--json", action="store_true", help="print the results as one JSON object")
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
    if default not in (None, ""):
        text += f" (default: {_typed(flag, default)})"
    if kind.base is bool:
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=default, help=text)
    elif kind.many:
        parser.add_argument(flag, type=made, nargs="+", default=default, help=text)
    elif isinstance(kind.mark, Choice):
        parser.add_argument(flag, choices=kind.mark.words, default=default, help=text)
    else:
        parser.add_argument(flag, type=made, default=default, help=text)


def _typed(flag: str, default: Any) -> str:
    """A default as one would type it."""
    if isinstance(default, bool):
        return flag if default else flag.replace("--", "--no-", 1)
    return " ".join(map(str, default)) if isinstance(default, tuple) else "%(default)s"


def _number(mark: Whole | Real) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            return mark.parse(text)
        except LightDealError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse
