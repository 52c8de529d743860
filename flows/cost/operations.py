"""What each operation costs that a configuration may leave out: a unit with it beside the unit without it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flows.base.files import write_whole
from flows.base.metrics import Metric, table, write_metrics
from flows.base.progress import step
from flows.base.provenance import write_provenance
from flows.base.roots import SYNTHESIS
from flows.base.units import make_unit
from flows.cost.commands import Synth
from flows.cost.tables import COLUMNS, columns_of
from flows.synth.area import Area
from flows.synth.netlist import Synthesis, synthesise, target_library
from golden.spec.config import Config, load_config

OPERATIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "max pooling": ({"largest": False}, {"largest": True}),
    "channels of a round": ({"moves": False}, {"moves": True}),
    "a basis": ({"bases": False}, {"bases": True}),
    "gates": ({"gates": False}, {"gates": True}),
    "one table": ({"tables": 0}, {"tables": 1}),
    "three tables": ({"tables": 0}, {"tables": 3}),
}
"""Operation → what a configuration says without it, and with it."""

EVERY = tuple(OPERATIONS)


@dataclass(frozen=True)
class Cost:
    """A unit without an operation and with it.

    Blocks are compared, each mapped for itself: what an operation does not touch is the same in both. The
    flat totals of two such designs differ by more than an operation takes.
    """

    without: Synthesis
    with_it: Synthesis

    def of(self, column: str) -> float:
        """What the operation adds to a count of `flows.cost.tables.COLUMNS`, block by block."""
        without, with_it = (
            sum(getattr(area, column) for area in it.blocks.values()) for it in (self.without, self.with_it)
        )
        return with_it - without


def operation_costs(options: Synth, names: tuple[str, ...] = EVERY) -> dict[str, Cost]:
    """Synthesis of the unit for each operation; all else is as the configuration says."""
    config = load_config(options.config or "small")
    return {
        name: Cost(*(_synthesised(name, replace(config, **changes), options) for changes in OPERATIONS[name]))
        for name in names
    }


def _synthesised(name: str, config: Config, options: Synth) -> Synthesis:
    unit = options.unit or "accelerator"
    said = ", ".join(f"{key} = {value}" for key, value in _said(config).items())
    with step(f"{name}: {unit} of {config.name}, {said}"):
        return synthesise(
            make_unit(unit, config),
            unit.replace("-", "_"),
            options.target or "ecp5",
            dsp=options.dsp,
            liberty=options.liberty,
            blocks=True,
            out=options.out,
        )


def _said(config: Config) -> dict[str, int]:
    keys = dict.fromkeys(key for pair in OPERATIONS.values() for changes in pair for key in changes)
    return {key: getattr(config, key) for key in keys}


def operations_text(options: Synth, names: tuple[str, ...] = EVERY) -> str:
    """The table of what each operation costs, in `out` too, with its metrics.

    Raises LightDealError for a target or a unit that there is not.
    """
    target_library(options.target or "ecp5", options.liberty)
    config, unit = load_config(options.config or "small"), options.unit or "accelerator"
    costs = operation_costs(options, names)
    first = next(iter(costs.values())).with_it
    stem = f"{first.target}-{config.name}-{unit}-operations{'' if options.dsp else '-nodsp'}"
    text = f"{unit} of {config.name} on {first.target}\n\n{_table(costs, first.area)}"
    write_metrics([*_metrics(stem.replace("-", "."), costs)], options.out / f"{stem}.json")
    write_provenance(options, config, options.out / f"{stem}.provenance.json", SYNTHESIS)
    return f"{text}\n\n{write_whole(options.out / f'{stem}.md', text + chr(10))}"


def _table(costs: Mapping[str, Cost], area: Area) -> str:
    columns = columns_of(area)
    rows = [[name, *(f"{it.of(column):+,.10g}" for column in columns)] for name, it in costs.items()]
    total = [f"{getattr(area, column):,.10g}" for column in columns]
    rows.append(["all, flattened", *total])
    return table(["operation", *(COLUMNS[it] for it in columns)], rows)


def _metrics(prefix: str, costs: Mapping[str, Cost]) -> Iterator[Metric]:
    for name, it in costs.items():
        source = f"{it.with_it.versions}: {it.with_it.command}, with it less without it"
        for column in columns_of(it.with_it.area):
            unit = "µm²" if column == "cell_area" else "1"
            yield Metric(f"{prefix}.{name.replace(' ', '_')}.{column}", it.of(column), unit, "less", source)
