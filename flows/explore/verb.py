"""The verb explore: a sweep, its front, and some of its points in real synthesis."""

from collections.abc import Mapping, Sequence

from flows.base.files import demand_replaceable, whole_folder, write_all
from flows.base.metrics import Metric, metrics_text, table
from flows.base.progress import step
from flows.explore.candidates import Candidate, candidates, front_of, front_table, refusals, spread, toml_of
from flows.explore.commands import Explore
from flows.explore.confirm import confirm
from flows.explore.fitted import is_current, read_model
from flows.explore.folder import sweep_folder
from flows.explore.networks import network_path, trained_networks, wanted_patterns
from flows.explore.pictures import accuracy_and_energy, cycles_and_area
from flows.explore.points import Measured
from flows.explore.space import draw_points, read_axes
from flows.explore.sweep import measure_all
from flows.studies.training import load
from golden.spec.errors import LightDealError

SIGN = "1.toml"
"""Every folder of a front holds at least this."""


def explore(options: Explore) -> str:
    """Train what is missing, measure the points, mark the front; the text of front.md.

    `out` gets points.jsonl and networks/ (kept between runs), front.md, front/ (the configuration of
    every point of the front), two pictures and metrics.json. Raises LightDealError for options, files
    and folders that cannot be used, before any work.
    """
    axes = read_axes(options.axes)
    model, errors = read_model(options.model)
    if options.confirm < 0:
        raise LightDealError(f"confirm {options.confirm}; legal: 0 or more")
    demand_replaceable(options.out / "front", SIGN, "front")
    with sweep_folder(options.out):
        patterns = wanted_patterns(options.densities)
        points = draw_points(list(patterns), options.points, options.seed, axes)
        networks = trained_networks(
            options.data, options.densities, options.seed, options.out / "networks", options.workers
        )
        with step(f"{len(points)} points"):
            measured = measure_all(
                points, networks, options.out / "points.jsonl", options.workers, options.cluster
            )
        fitting = candidates(points, measured, networks, model)
        if not fitting:
            raise LightDealError(
                f"none of {len(points)} points fits; too small in how many: {refusals(measured)}; "
                "ask for more with --points, or for larger sizes with --axes"
            )
        front = front_of(fitting)
        return _write(options, errors, measured, fitting, front)


def _write(
    options: Explore,
    errors: Mapping[bool, float],
    measured: Sequence[Measured],
    fitting: Sequence[Candidate],
    front: Sequence[Candidate],
) -> str:
    with whole_folder(options.out / "front", SIGN) as folder:
        for number, it in enumerate(front, 1):
            network = network_path(options.out / "networks", options.data, it.point.network, options.seed)
            (folder / f"{number}.toml").write_text(toml_of(it, str(network)))
    cycles_and_area(options.out / "cycles_area.png", fitting, front)
    accuracy_and_energy(options.out / "accuracy_energy.png", fitting, front)
    metrics = [
        Metric("explore.points", len(measured), "1", "neither", f"seed {options.seed}, {options.data}"),
        Metric("explore.fitting", len(fitting), "1", "neither", "points whose network fits"),
        Metric("explore.front", len(front), "1", "neither", "points that no other one beats"),
    ]
    text = "\n\n".join(
        [
            f"{len(measured)} points were drawn; {len(fitting)} fit; no other beats {len(front)} of these.",
            *_refused(measured),
            _meaning(options, errors),
            front_table(front),
            f"The configuration of each is in {options.out / 'front'}, for --config of other verbs.",
        ]
    )
    # Once before the syntheses, so that a sweep that is killed in them has its front.
    path = options.out / "front.md"
    for wanted in (False, True) if options.confirm else (False,):
        if wanted:
            chosen = {place + 1: front[place] for place in spread(front, options.confirm)}
            beside, worst = confirm(chosen, options.synth, options.workers)
            text += f"\n\n{beside}"
            where = f"sites of {len(chosen)} points of the front: model against synthesis"
            metrics.append(Metric("explore.confirmed.worst_error", worst, "1", "less", where))
        write_all({options.out / "metrics.json": metrics_text(metrics), path: text + "\n"})
    return f"{text}\n\n{path}"


def _meaning(options: Explore, errors: Mapping[bool, float]) -> str:
    _, validation, test = load(options.data)
    images = len(validation or test)
    changed = (
        ""
        if is_current(options.model)
        else " The hardware has changed since that model was fitted, so its sites may be further off: "
        "`lightdeal area` fits it again."
    )
    return (
        f"Accuracy was measured once for each trained network ({options.data}, seed {options.seed}, {images} "
        f"images, each {100 / images:.2f} points) and holds for every configuration, as all "
        "compute the same; nothing is interpolated. Cycles: the exact cycle model, one image, zero rows not "
        "skipped. Energy: counts × table; the same with DSP blocks. Sites: the area model, at worst "
        f"{100 * errors[False]:.1f} % from the syntheses that judged it without DSP blocks, "
        f"{100 * errors[True]:.1f} % with them. Area: sites, and the block RAMs as their share of an "
        f"LFE5U-25F; DSP blocks are a cost of their own.{changed}"
    )


def _refused(measured: Sequence[Measured]) -> list[str]:
    found = refusals(measured)
    if not found:
        return []
    return [table(["does not fit: too small", "points"], list(found.items()))]
