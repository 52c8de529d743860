"""Names that the report's parts agree on."""

from flows.base.option_kinds import DATA
from flows.studies.contestants import NAMES

TITLES = {
    "smartdeal": "SmartDeal",
    "no_basis": "power-of-two, no basis",
    "int8": "dense int8",
    "rows_int8": "row-sparse int8",
    "rebuild": "rebuild first",
}
"""Arithmetic → title; the order of `flows.studies.contestants.NAMES`."""

assert tuple(TITLES) == NAMES

NETWORKS = dict(zip(DATA, ("digits", "Fashion-MNIST"), strict=True))
"""Trained network → title; the first one decides the ratios that are asked for."""

WIDE = "wide"
"""The layer of 64 channels, whose weights are random."""

MAIN = "smartdeal"
DENSE = "int8"
AREA = "ecp5.small"
"""What the names of area metrics begin with."""


def layer_names(names: list[str], prefix: str, quantity: str) -> list[tuple[str, str]]:
    """(path of the layer, metric) of each metric `prefix`.layers.PATH.`quantity`, in the order given."""
    head, tail = f"{prefix}.layers.", f".{quantity}"
    return [
        (name.removeprefix(head).removesuffix(tail), name)
        for name in names
        if name.startswith(head) and name.endswith(tail)
    ]
