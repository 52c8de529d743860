"""The choice of folding, and that the compiler takes what it calls legal."""

from dataclasses import replace

import pytest

from golden.compiler import choose_fold, compile_network
from golden.compiler.folding import ConvShape, fold_cycles, legal_folds
from golden.graph.operations.window import Window
from golden.spec.config import SMALL, TINY
from golden.spec.errors import UnsupportedError
from golden.spec.memories import Fold
from tests.golden.small import chain

_SAME = Window((3, 3), padding=(1, 1, 1, 1))
_CONV = ConvShape(16, 16, _SAME, 8, 8, (1, 1), 8)


@pytest.mark.parametrize(
    "change",
    [
        {"window": replace(_SAME, stride=(1, 2))},
        {"window": replace(_SAME, padding=(1, 1, 0, 2))},
        {"window": replace(_SAME, kernel=(5, 5))},
        {"window": replace(_SAME, kernel=(3, 1))},
        {"window": replace(_SAME, dilation=(1, 2))},
        {"degree": (1, 2)},
        {"pitch": 7},
    ],
)
def test_column_has_its_conditions(change: dict[str, object]) -> None:
    assert legal_folds(_CONV, SMALL) == (Fold.GROUP, Fold.COLUMN)
    assert legal_folds(replace(_CONV, **change), SMALL) == (Fold.GROUP,)  # type: ignore[arg-type]


@pytest.mark.parametrize("width", range(1, 17))
@pytest.mark.parametrize("stride", [1, 2])
def test_the_compiler_agrees_on_what_is_legal(width: int, stride: int) -> None:
    network = chain((1, 4, width), ("c", 2, (3, 3), {"kind": "column", "padding": 1, "stride": stride}))
    _, height, out = network.features["c"].shape
    around = replace(_SAME, stride=(stride, stride))
    legal = legal_folds(ConvShape(1, 2, around, height, out, (1, 1), out), TINY)
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
    assert choose_fold(replace(wide, window=replace(_SAME, stride=(2, 2))), 0.05, SMALL) == Fold.GROUP
