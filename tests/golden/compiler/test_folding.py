"""The choice of folding, and that the compiler takes what it calls legal."""

from dataclasses import replace

import pytest

from golden.compiler import choose_fold, compile_network
from golden.compiler.folding import ConvShape, fold_cycles, legal_folds
from golden.spec.config import SMALL, TINY
from golden.spec.errors import UnsupportedError
from golden.spec.memories import Fold
from tests.golden.small import chain

_CONV = ConvShape(16, 16, (3, 3), 1, 1, 8, 8, 1)


@pytest.mark.parametrize(
    "change",
    [{"stride": 2}, {"padding": 0}, {"kernel": (5, 5)}, {"degree": 2}, {"width": 7}, {"kernel": (3, 1)}],
)
def test_column_has_its_conditions(change: dict[str, object]) -> None:
    assert legal_folds(_CONV, SMALL) == (Fold.GROUP, Fold.COLUMN)
    assert legal_folds(replace(_CONV, **change), SMALL) == (Fold.GROUP,)  # type: ignore[arg-type]


@pytest.mark.parametrize("width", range(1, 17))
@pytest.mark.parametrize("stride", [1, 2])
def test_the_compiler_agrees_on_what_is_legal(width: int, stride: int) -> None:
    network = chain((1, 4, width), ("c", 2, (3, 3), {"kind": "column", "padding": 1, "stride": stride}))
    _, height, out = network.features["c"].shape
    legal = legal_folds(ConvShape(1, 2, (3, 3), stride, 1, height, out, 1), TINY)
    if Fold.COLUMN in legal:
        compile_network(network, TINY)
    else:
        with pytest.raises(UnsupportedError, match="COLUMN folding"):
            compile_network(network, TINY)


def test_costs_by_hand() -> None:
    """16→16 channels, 3×3, 8×8 map, density 0.25, on 4 engines × 16 lanes with 16 products a cycle."""
    tiles = 64 / 16
    adding = 0.25 * 16 * 16 * 9 * tiles / 4
    assert fold_cycles(_CONV, Fold.GROUP, 0.25, 3, SMALL) == max(adding, 16 * 9 * tiles, 16 * 3 * tiles)
    # Five filters an engine: one round of 16.
    assert fold_cycles(_CONV, Fold.COLUMN, 0.25, 3, SMALL) == max(adding, 16 * 3 * tiles, 16 * 9 * tiles)


def test_the_cheaper_one_is_chosen() -> None:
    # Few coefficients: fetching rows decides, and COLUMN fetches a third.
    wide = replace(_CONV, channels=64)
    assert choose_fold(wide, 0.05, SMALL) == Fold.COLUMN
    # Many coefficients: adding decides, which costs both the same; GROUP has fewer products.
    assert choose_fold(wide, 0.5, SMALL) == Fold.GROUP
    # Few channels: products decide.
    assert choose_fold(replace(_CONV, channels=2), 0.5, SMALL) == Fold.GROUP
    assert choose_fold(replace(wide, stride=2), 0.05, SMALL) == Fold.GROUP
