"""The zoo's table, from metrics alone."""

from collections.abc import Iterable, Mapping

from flows.base.metrics import percent, table
from flows.zoo.commands import NAMES


def zoo_table(values: Mapping[str, float], mhz: float | None) -> str:
    """A row for each network that the metrics know, and what the columns say.

    Parameters
    ----------
    values: metric → value, as `flows.zoo.rows` makes them.
    mhz: frequency that milliseconds follow from; None if it is not known.
    """
    header = ["network", "parameters", "kept", "bits a weight", "cycles"]
    header += [f"ms at {mhz:.1f} MHz" if mhz else "ms", "ideal dense", "utilisation", "bytes on chip"]
    header += ["images × epochs", "float", "integers", "worst tensor", "values compared", "mismatches"]
    return table(header, [_cells(name, values, mhz) for name in rows_in(values)])


def beside_lines(values: Mapping[str, float]) -> list[str]:
    """A sentence for each network that takes several images side by side."""
    return [
        f"{name} with images side by side in all lanes: {values[key]:,.0f} cycles an image."
        for name in rows_in(values)
        if (key := f"{name}.cycles_beside") in values
    ]


def default_line(values: Mapping[str, float], mhz: float | None) -> list[str]:
    """What the networks that fit DEFAULT as it is take there; `mhz`: of DEFAULT, as for `zoo_table`."""
    said = []
    for name in rows_in(values):
        if (cycles := values.get(f"{name}.default_cycles")) is not None:
            said.append(f"{name} {cycles:,.0f}" + (f" ({milliseconds(cycles, mhz):.2f} ms)" if mhz else ""))
    at = f", and milliseconds at its {mhz:.1f} MHz" if mhz else ""
    return [f"Cycles on `default`, four times as large{at}: {', '.join(said)}."] if said else []


def rows_in(values: Iterable[str]) -> list[str]:
    """The networks that metrics are known of."""
    known = {name.partition(".")[0] for name in values}
    return [name for name in NAMES[1:] if name in known]


def milliseconds(cycles: float, mhz: float) -> float:
    """What so many cycles take."""
    return cycles / mhz / 1000


def _cells(name: str, values: Mapping[str, float], mhz: float | None) -> list[str]:
    of = {key.removeprefix(f"{name}."): it for key, it in values.items() if key.startswith(f"{name}.")}
    shares = [percent(of[key]) if key in of else "–" for key in ("accuracy_float", "accuracy_integers")]
    return [
        name,
        f"{of['parameters']:,.0f}",
        percent(of["density"]),
        f"{of['bits_each']:.2f}",
        f"{of['cycles']:,.0f}",
        f"{milliseconds(of['cycles'], mhz):.2f}" if mhz else "–",
        f"{of['cycles_dense']:,.0f}",
        percent(of["utilisation"]),
        f"{of['on_chip_bytes']:,.0f}",
        f"{of['train.images']:,.0f} × {of['train.epochs']:.0f} + {of['train.again']:.0f}",
        *shares,
        f"{of['snr_db']:.1f} dB" if "snr_db" in of else "–",
        f"{of['rtl_compared']:,.0f}",
        f"{of['rtl_mismatches'] + of['reference_mismatches']:.0f}",
    ]
