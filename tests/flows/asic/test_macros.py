"""Estimated area and energy of memory macros."""

from dataclasses import replace

import pytest

from flows.asic.macros import flip_flop_area, macro_area, macro_energy
from flows.base.energy import TABLE
from flows.synth.liberty import read_liberty
from flows.synth.memories import Macro
from golden.spec.errors import LightDealError

ONE = Macro("top.ram", "ram", 512, 16, 1, 1)


def test_area_goes_with_bits_ports_and_the_library() -> None:
    library = read_liberty(None)
    assert flip_flop_area(library) == 96
    area = macro_area(ONE, library)
    # A bit with two ports takes about a third of a flip-flop, and the macro about a third more.
    assert 512 * 16 * 96 / 3 < area < 512 * 16 * 96 / 2
    assert macro_area(replace(ONE, words=1024), library) == pytest.approx(2 * area)
    single, third = (macro_area(replace(ONE, reads=reads), library) for reads in (0, 2))
    assert third - area == pytest.approx(area - single)
    cells = {name: replace(cell, area=cell.area / 4) for name, cell in library.cells.items()}
    assert macro_area(ONE, replace(library, cells=cells)) == pytest.approx(area / 4)


def test_energy_goes_with_the_word_and_the_size() -> None:
    assert macro_energy(ONE) == pytest.approx(2 * TABLE.weight_memory)
    assert macro_energy(replace(ONE, words=16 * 1024)) == pytest.approx(2 * TABLE.feature_memory)
    assert macro_energy(replace(ONE, words=32 * 1024)) is None


def test_a_library_without_flip_flops_is_refused() -> None:
    library = read_liberty(None)
    gates = {name: cell for name, cell in library.cells.items() if cell.state is None}
    with pytest.raises(LightDealError, match="no flip-flop among its cells"):
        flip_flop_area(replace(library, cells=gates))
