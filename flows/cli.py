"""The command line: each verb is a thin wrapper over a function of `flows`.

`flows.ending` has the exit codes; a wrapper returns 0, or FAILED where a check failed.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, fields
from typing import Any, NoReturn

from flows import options
from flows.ending import FAILED, WRONG, exit_code
from flows.option_kinds import Kind, Real, Whole, check, kinds
from golden.spec.config import PRESETS
from golden.spec.errors import LightDealError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code. Whatever goes wrong is said in one line."""
    return exit_code(lambda: _call(arguments))


def _call(arguments: Sequence[str] | None) -> int:
    try:
        chosen = make_parser().parse_args(arguments)
    except SystemExit as leaving:
        return int(leaving.code or 0)
    check(_options(chosen.kind, chosen))
    return int(chosen.verb(chosen))


def _options(kind: type, chosen: argparse.Namespace) -> Any:
    values = {field.name: getattr(chosen, field.name) for field in fields(kind)}
    return kind(**{name: tuple(it) if isinstance(it, list) else it for name, it in values.items()})


def _demo(chosen: argparse.Namespace) -> int:
    from flows.demo import demo

    report = demo(_options(options.Demo, chosen))
    print(report.text)
    return 0 if report.passed else FAILED


def _compress(chosen: argparse.Namespace) -> int:
    from flows.own import compress_own

    text, passed = compress_own(_options(options.Compress, chosen))
    print(text)
    return 0 if passed else FAILED


def _layers(_: argparse.Namespace) -> int:
    from flows.layers import layers

    print(layers())
    return 0


def _compile(chosen: argparse.Namespace) -> int:
    from flows.own import compile_own

    print(compile_own(_options(options.Compile, chosen)))
    return 0


def _run(chosen: argparse.Namespace) -> int:
    from flows.own import run_own

    text, same = run_own(_options(options.Run, chosen))
    print(text)
    return 0 if same else FAILED


def _verilog(chosen: argparse.Namespace) -> int:
    from flows.verilog import write_verilog
    from golden.spec.config import load_config

    print(write_verilog(load_config(chosen.config), chosen.out, chosen.unit))
    return 0


def _synth(chosen: argparse.Namespace) -> int:
    from flows.synth.verb import synth

    text, well = synth(_options(options.Synth, chosen))
    print(text)
    return 0 if well else FAILED


def _handoff(chosen: argparse.Namespace) -> int:
    from flows.own import handoff_own

    text, passed = handoff_own(_options(options.Handoff, chosen))
    print(text)
    return 0 if passed else FAILED


def _board(chosen: argparse.Namespace) -> int:
    from flows.board.verb import board

    text, passed = board(_options(options.Board, chosen))
    print(text)
    return 0 if passed else FAILED


def _table(chosen: argparse.Namespace) -> int:
    from flows.study import pattern_table

    print(pattern_table(_options(options.Table, chosen)))
    return 0


def _accuracy(chosen: argparse.Namespace) -> int:
    from flows.study import accuracy_benchmark

    text, reached = accuracy_benchmark(_options(options.Accuracy, chosen))
    print(text)
    return 0 if reached else FAILED


def _mutate(chosen: argparse.Namespace) -> int:
    from flows.mutate.verb import mutate

    text, seen = mutate(_options(options.Mutate, chosen))
    print(text)
    return 0 if seen else FAILED


def _arithmetics(chosen: argparse.Namespace) -> int:
    from flows.arithmetics import arithmetics

    text, passed = arithmetics(_options(options.Arithmetics, chosen))
    print(text)
    return 0 if passed else FAILED


def _bench(chosen: argparse.Namespace) -> int:
    from flows.bench import bench

    print(bench(_options(options.Bench, chosen)))
    return 0


def _area(chosen: argparse.Namespace) -> int:
    from flows.explore.fitted import fit_area

    print(fit_area(_options(options.Area, chosen)))
    return 0


def _explore(chosen: argparse.Namespace) -> int:
    from flows.explore.verb import explore

    print(explore(_options(options.Explore, chosen)))
    return 0


def _lightnorm_screen(chosen: argparse.Namespace) -> int:
    from flows.lightnorm.study import screen

    text, same = screen(_options(options.LightNormScreen, chosen))
    print(text)
    return 0 if same else FAILED


def _lightnorm_train(chosen: argparse.Namespace) -> int:
    from flows.lightnorm.study import confirm

    text, same = confirm(_options(options.LightNormTrain, chosen))
    print(text)
    return 0 if same else FAILED


def _lightnorm_rtl(chosen: argparse.Namespace) -> int:
    from flows.lightnorm.rtl import rtl

    text, same = rtl(_options(options.LightNormRtl, chosen))
    print(text)
    return 0 if same else FAILED


def _report(chosen: argparse.Namespace) -> int:
    from flows.report.verb import report

    print(report(_options(options.FullReport, chosen)))
    return 0


def _report_readme(chosen: argparse.Namespace) -> int:
    from flows.figures.verb import update_texts

    print(update_texts(_options(options.ReadmeReport, chosen)))
    return 0


def _report_stale(chosen: argparse.Namespace) -> int:
    from flows.figures.verb import stale

    text, current = stale(_options(options.StaleReport, chosen))
    print(text)
    return 0 if current else FAILED


def _report_lightnorm(chosen: argparse.Namespace) -> int:
    from flows.lightnorm.report import report

    print(report(_options(options.LightNormReport, chosen)))
    return 0


VERBS: dict[str, tuple[type, Callable[[argparse.Namespace], int], str]] = {
    "demo": (options.Demo, _demo, "the main job: train, compress, compile, run on RTL, compare, report"),
    "compress": (options.Compress, _compress, "compress your own network: module.py:factory → network file"),
    "layers": (options.Layers, _layers, "what a network may consist of, with the limits of each operation"),
    "compile": (options.Compile, _compile, "network file → program file"),
    "run": (options.Run, _run, "run a program on images; compare with golden, reference and float network"),
    "verilog": (options.Verilog, _verilog, "write the accelerator's Verilog, or a unit's"),
    "synth": (options.Synth, _synth, "what it costs: all of it, or one unit: cells, frequency, power"),
    "handoff": (options.Handoff, _handoff, "write a folder that proves a program with Icarus alone"),
    "board": (options.Board, _board, "a self-test of a program on an FPGA board, down to the bitstream"),
    "table": (options.Table, _table, "study: patterns × densities × basis or none"),
    "accuracy": (options.Accuracy, _accuracy, "benchmark: accuracy over several seeds, against float"),
    "arithmetics": (
        options.Arithmetics,
        _arithmetics,
        "study: shift-adds with and without a basis, int8, rows of int8, rebuild first",
    ),
    "bench": (options.Bench, _bench, "benchmark: speed of the simulators"),
    "mutate": (options.Mutate, _mutate, "plant the bugs of tests/mutants: do the tests see each of them?"),
    "area": (options.Area, _area, "fit the area model that explore uses to syntheses"),
    "explore": (options.Explore, _explore, "sweep: a Pareto front of accuracy, cycles, area and energy"),
    "lightnorm screen": (
        options.LightNormScreen,
        _lightnorm_screen,
        "train each kind of LightNorm once, briefly",
    ),
    "lightnorm train": (
        options.LightNormTrain,
        _lightnorm_train,
        "train LightNorm and batch norm, several seeds",
    ),
    "lightnorm rtl": (
        options.LightNormRtl,
        _lightnorm_rtl,
        "the unit's Verilog against the integer model, on two simulators",
    ),
    "report": (options.FullReport, _report, "what the accelerators cost: area, cycles, energy"),
    "report readme": (
        options.ReadmeReport,
        _report_readme,
        "keep what build holds in docs/results, and write the figures of README.md and docs",
    ),
    "report stale": (
        options.StaleReport,
        _report_stale,
        "the kept figures that were measured on other code, and the commands for them",
    ),
    "report lightnorm": (options.LightNormReport, _report_lightnorm, "LightNorm: accuracy, traffic, area"),
}
"""A name of two words is a verb and what it is about; such a verb may also stand alone."""

GROUPS = {
    "lightnorm": "trainings beside batch norm and Verilog beside the model; finished runs are kept",
}

CHOICES = {
    "data": options.DATA,
    "on": options.BACKENDS,
    "pattern": options.PATTERNS,
    "simulator": options.RTL_SIMULATORS,
    "target": options.TARGETS,
}
HELP = {
    "axes": "TOML file of lists of values to draw from, such as engines = [1, 2]",
    "cluster": "address of a Dask scheduler whose workers measure the points",
    "confirm": "points of the front that are synthesised, too",
    "model": "file of the area model",
    "points": "configurations with a network each",
    "basis": "a basis (SmartDeal), or a scale per filter",
    "bar": "largest loss of accuracy against float in any seed, in points",
    "beats": "beats of each configuration, at least",
    "build": "folder of the results of all verbs",
    "changed": "largest share of labels that may differ from those of the float network before compression",
    "config": f"configuration: {', '.join(PRESETS)}, or a .toml file",
    "data": "digits or fashion-mnist",
    "board": "FPGA board: ulx3s",
    "blocks": "count by block, too (a second run)",
    "densities": "kept fractions of the coefficients",
    "density": "kept fraction of the coefficients",
    "dsp": "let multipliers use DSP blocks",
    "epochs": "epochs of training with the labels; 0, where legal, for none",
    "images": "number of images; all, or the data set's usual number, where no default is said",
    "liberty": "Liberty file in the place of osu018's, for --target osu018",
    "measure": "first measure what is missing or stale",
    "module": "FILE.py:FACTORY; the factory takes nothing and returns a trained nn.Module",
    "network": "network file, made by compress",
    "only": "pattern of names (hw/*, *round*) or of files; all where none is given",
    "on": "what runs it: " + ", ".join(options.BACKENDS),
    "out": "where the result goes",
    "power": "program whose first layers an engine runs in gates, for its power (--unit engine)",
    "pattern": "which coefficients are dropped together",
    "program": "program file, made by compile",
    "rtl": "metrics of the RTL runs of the unit",
    "runs": "folder of the kept trainings",
    "root": "folder with README.md and docs",
    "route": "place and route, too",
    "sample": "so many of them, drawn with --seed",
    "seed": "of whatever is random: initial weights, order of training, values, stalls, draws",
    "seeds": "number of seeds",
    "simulator": "Verilog simulator: both, icarus or verilator",
    "skip": "skip zero input rows",
    "snr": "smallest signal-to-noise ratio of a tensor, in dB, against the compressed network in floats",
    "target": "what synthesis maps to; osu018: an ASIC of 0.18 µm, or of --liberty",
    "tolerance": "accuracy that may be lost against the float network before the exit code is 1 (1: any)",
    "unit": "accelerator, or a part of it (a wrong name lists them)",
    "synth": "folder of the runs of synthesis",
    "timing": "static timing, too (--target osu018)",
    "workers": "processes side by side (default: one for each core)",
}
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
    for name, (kind, verb, text) in VERBS.items():
        group, _, last = name.rpartition(" ")
        if group not in groups:
            whole = verbs.add_parser(group, help=GROUPS[group], description=GROUPS[group])
            groups[group] = whole.add_subparsers(required=True, metavar="WHAT")
        sub = groups[group].add_parser(last, help=text, description=text)
        declared = kinds(kind)
        for field in fields(kind):
            _add(sub, field, declared[field.name])
        sub.set_defaults(verb=verb, kind=kind)
        if any(other.startswith(f"{name} ") for other in VERBS):
            groups[name] = sub.add_subparsers(metavar="WHAT")
    return parser


def _add(parser: argparse.ArgumentParser, field: Field[Any], kind: Kind) -> None:
    """An argument for a field: without a default positional, or required if it is `data`."""
    text = HELP[field.name]
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
    elif field.name in CHOICES:
        parser.add_argument(flag, choices=CHOICES[field.name], default=default, help=text)
    else:
        parser.add_argument(flag, type=made, default=default, help=text)


def _number(mark: Whole | Real) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            return mark.parse(text)
        except LightDealError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse


if __name__ == "__main__":
    sys.exit(main())
