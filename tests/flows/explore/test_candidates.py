"""The front's table, its points as configuration files, and the choice of those to confirm."""

from dataclasses import replace
from pathlib import Path

from flows.explore.area import FITTED, SAVED, AreaModel, dsps_of
from flows.explore.candidates import Candidate, candidates, front_of, front_table, spread, toml_of
from flows.explore.points import Measured
from flows.explore.space import Point, draw_points
from golden.spec.config import load_config
from tests.flows.explore.sweep_networks import tiny_networks

MODEL = AreaModel(dict.fromkeys((*FITTED, SAVED), 1.0))


def some_candidates(count: int) -> list[Candidate]:
    """Points that all fit, with made-up cycles and energies."""
    networks = tiny_networks()
    points = draw_points(list(networks), count, 1)
    measured = [Measured(str(n), "", 100 + n * 37 % 50, 5.0 + n % 3) for n in range(count)]
    return candidates(points, measured, networks, MODEL)


def test_dsp_blocks_are_fewer_sites_and_a_cost_of_their_own() -> None:
    networks = tiny_networks()
    point = replace(draw_points(list(networks), 1, 1)[0], dsp=False)
    both = [point, replace(point, dsp=True)]
    measured = [Measured("a", "", 100, 5.0)] * 2
    logic, dsp = candidates(both, measured, networks, MODEL)
    assert (logic.dsps, dsp.dsps) == (0, dsps_of(point.config))
    assert logic.sites > dsp.sites
    assert front_of([dsp, logic]) == [logic, dsp]


def test_points_that_do_not_fit_are_no_candidates() -> None:
    networks = tiny_networks()
    points = draw_points(list(networks), 2, 1)
    measured = [Measured("a", "feature_words is 4", 0, 0.0), Measured("b", "", 7, 2.5)]
    found = candidates(points, measured, networks, MODEL)
    assert [(it.point, it.cycles, it.energy) for it in found] == [(points[1], 7, 2.5)]


def test_the_spread_goes_from_the_smallest_to_the_largest() -> None:
    front = some_candidates(9)
    areas = sorted(it.area for it in front)
    chosen = [front[place].area for place in spread(front, 3)]
    assert chosen == [areas[0], areas[4], areas[8]]
    assert [front[place].area for place in spread(front, 1)] == [areas[0]]
    assert [front[place].area for place in spread(front, 99)] == areas


def test_a_point_of_the_front_is_a_configuration_for_other_verbs(tmp_path: Path) -> None:
    for it in some_candidates(5):
        path = tmp_path / "1.toml"
        path.write_text(toml_of(it, "networks/a.net"))
        assert load_config(str(path)) == it.point.config
        where = "DSP blocks" if it.point.dsp else "logic"
        assert path.read_text().startswith(
            f"# network: networks/a.net\n# products of the basis stage: in {where}\n"
        )


def test_the_table_says_what_was_found() -> None:
    some = some_candidates(1)[0]
    config = replace(some.point.config, engines=2, lanes=8, accumulators=4, accumulator_bits=20, basis=1)
    point = Point("scale", replace(config, window=16), True)
    it = replace(
        some,
        point=point,
        accuracy=0.975,
        cycles=12345,
        energy=2_500_000.0,
        sites=9876.4,
        dsps=2,
        block_rams=24,
    )
    line = front_table([replace(it, area=20287.1)]).splitlines()[2]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    sizes = ["1", "scale", "2×8", "4", "20", "1", "16"]
    assert cells == [*sizes, "97.50 %", "12,345", "2,500", "9,876", "2", "24", "20,287"]
