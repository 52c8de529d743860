"""The choice of folding, and that the compiler takes what it calls legal."""

from dataclasses import replace

import pytest

from golden.compiler import choose_folding, compile_network
from golden.compiler.folding import JOB_CYCLES, ConvShape, Folding, fold_cycles, legal_folds
from golden.cycles.timing import count_cycles
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
    tiles, filter_ = 64 // 16, 0.25 * 16 * 9
    # Six groups of 3: two engines have two of them, and adding takes longer than fetching.
    assert fold_cycles(_CONV, Folding(Fold.GROUP), 0.25, SMALL) == tiles * (6 * filter_ + JOB_CYCLES)
    # Four groups of 4: one for each engine; rows take as long as adding.
    assert fold_cycles(_CONV, Folding(Fold.GROUP, 4), 0.25, SMALL) == tiles * (16 * 9 + JOB_CYCLES)
    # COLUMN: four filters an engine in two rounds of 8, or in one of 16, which is the better one.
    assert SMALL.accumulators // 3 < 4
    column = fold_cycles(_CONV, Folding(Fold.COLUMN), 0.25, SMALL)
    assert column == tiles * 2 * max(2 * filter_ + JOB_CYCLES, 8 * 9)


def test_the_cheaper_one_is_chosen() -> None:
    # Few coefficients: fetching rows decides, and COLUMN fetches a third.
    wide = replace(_CONV, channels=64, filters=12)
    assert choose_folding(wide, 0.05, SMALL) == Folding(Fold.COLUMN)
    # Many coefficients: adding decides, which costs both the same; GROUP has fewer products.
    assert choose_folding(wide, 0.5, SMALL) == Folding(Fold.GROUP)
    # Few channels: products decide, and smaller groups have fewer.
    few = replace(wide, channels=1)
    assert choose_folding(few, 0.5, SMALL, groups=False) == Folding(Fold.GROUP)
    assert choose_folding(few, 0.5, SMALL) == Folding(Fold.GROUP, 2)
    strided = replace(wide, window=replace(_SAME, stride=(2, 2)))
    assert choose_folding(strided, 0.05, SMALL, groups=False) == Folding(Fold.GROUP)
    # Sixteen filters leave two of four engines waiting in groups of 3.
    assert choose_folding(replace(strided, filters=16), 0.5, SMALL, groups=False) == Folding(Fold.GROUP)
    assert choose_folding(replace(strided, filters=16), 0.5, SMALL) == Folding(Fold.GROUP, 4)


@pytest.mark.parametrize("filters", [8, 12, 16, 24, 30, 64])
def test_the_estimate_is_near_the_machine(filters: int) -> None:
    """Of single layers at density 0.5, against the cycle model; what begins and ends a run apart."""
    for kind, folding in (
        ("group", Folding(Fold.GROUP)),
        ("group4", Folding(Fold.GROUP, 4)),
        ("column", Folding(Fold.COLUMN)),
    ):
        program = compile_network(
            chain((16, 16, 16), ("c", filters, (3, 3), {"kind": kind, "padding": 1})), SMALL
        )
        shape = replace(_CONV, filters=filters, height=16, width=16, pitch=16)
        expected = fold_cycles(shape, folding, 0.5, SMALL)
        assert count_cycles(program).cycles == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_words_of_a_map_in_planes(stride: int) -> None:
    """As many as the tensor has that the compiler lays out, one for each small plane at least."""
    network = chain(
        (1, 12, 12),
        ("a", 2, (3, 3), {"padding": 1, "kind": "group2"}),
        ("b", 2, (3, 3), {"stride": stride, "padding": 1, "kind": "group2"}),
    )
    made = compile_network(network, SMALL).tensor("a")
    _, height, width = made.shape
    shape = ConvShape(1, 2, _SAME, height, width, made.degree, made.pitch)
    assert shape.tiles(SMALL.lanes) == made.words(SMALL.lanes)
    assert made.degree == (stride, stride)
