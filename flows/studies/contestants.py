"""The five arithmetics that are compared: their configurations and networks."""

import pickle
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from flows.base.files import save_whole
from flows.base.jobs import Job, run_jobs
from flows.base.kept import code, digest
from flows.base.progress import step
from flows.studies.training import Outcome, dense, jobs, load, pretrained, recipe, retrain, standard
from golden.compress import LayerPlan, import_module
from golden.compress.decompose import choose_mask
from golden.compress.fold import fold, unfold
from golden.graph import network_file
from golden.graph.network import Network
from golden.progress import Progress
from golden.spec.baselines import INT8, REBUILD, ROWS_INT8
from golden.spec.config import SMALL, Config

NAMES = ("smartdeal", "no_basis", "int8", "rows_int8", "rebuild")
"""Shift-add with a basis, shift-add without one, and the baselines."""


ROWS = LayerPlan("group", pattern="rows", shared=8)
"""Rows of weights that are zero for 6 filters: what an engine of SMALL takes of 24 filters."""


ROWS_DENSITY = 0.25
"""Kept fraction of those rows, in the layers between the first and the last: more were no more accurate on
digits."""


TRAINER = (
    "golden/workloads",
    "golden/graph",
    "golden/numerics",
    "golden/compress",
    "flows/studies/training.py",
)
"""What a trained network depends on, beside its recipe; not the cycle model, which chooses foldings."""

OUT = Path("build/arithmetics")
"""Where `arithmetics` leaves its results, and keeps trained networks."""


def matched(config: Config = SMALL) -> dict[str, Config]:
    """The configurations of the five: same array, buffers and sequencer.

    The multipliers behind the array are as few as do not slow it: an output takes S terms with a
    basis, one without. Sums are as wide, and the memories of weights as deep, as the demo networks need.
    """
    few = max(1, config.basis // 4)
    wider = min(32, config.accumulator_bits + 1)
    return {
        "smartdeal": config,
        "no_basis": replace(config, name=f"{config.name}-no-basis", basis=few),
        "int8": replace(
            config,
            name=f"{config.name}-int8",
            basis=few,
            arithmetic=INT8.name,
            accumulator_bits=wider,
            coefficient_words=4 * config.coefficient_words,
        ),
        "rows_int8": replace(
            config,
            name=f"{config.name}-rows-int8",
            basis=few,
            arithmetic=ROWS_INT8.name,
            accumulator_bits=wider,
        ),
        "rebuild": replace(
            config,
            name=f"{config.name}-rebuild",
            basis=few,
            arithmetic=REBUILD.name,
            accumulator_bits=min(32, config.accumulator_bits + 6),
            coefficient_words=2 * config.coefficient_words,
        ),
    }


def finish_rows(start: bytes, data: str, density: float, seed: int, progress: Progress) -> Outcome:
    """The pickled pre-trained network, pruned by rows (`ROWS`), re-trained in float, in int8."""
    network: nn.Module = pickle.loads(start)
    masks = _masks(network, load(data)[0].images[: recipe(data).samples], density)

    def prune(_: float) -> None:
        with torch.no_grad():
            for path, mask in masks.items():
                weight = network.get_submodule(path).weight
                assert isinstance(weight, torch.Tensor)
                weight *= mask

    retrain(network, data, seed, progress, prune)
    prune(1.0)
    return dense(network, data)


def _masks(network: nn.Module, samples: torch.Tensor, density: float) -> dict[str, torch.Tensor]:
    """Path of each layer in between → which weights stay."""
    layers = import_module(network, samples).layers[1:-1]
    masks = {}
    for layer in layers:
        weight = layer.convolution.weight
        kept = choose_mask(unfold(weight.abs(), ROWS), ROWS, density, len(weight))
        masks[layer.path] = fold(kept.float(), ROWS, weight.shape)
    return masks


def kept_job(folder: Path, name: str, job: Job, progress: Progress) -> Network:
    """The network that `job` trains, or the one that an equal earlier job left in `folder`."""
    path = folder / f"{name}.net"
    if not path.is_file():
        made: Outcome | dict[str, Outcome] = job(progress)
        network = (made["int8"] if isinstance(made, dict) else made).network
        assert network is not None
        save_whole(path, partial(network_file.save, network))
    return network_file.load(path)


def train_all(data: str, seed: int, config: Config = SMALL, out: Path = OUT) -> dict[str, Network]:
    """The five networks from one pre-trained float network, with as many epochs each.

    Each one is kept in `out`/networks as soon as it is trained, under a digest of what it depends on:
    `TRAINER`, recipe, configuration, seed.
    """
    folder = out / "networks"
    names = {"no basis": "no_basis", "SmartDeal": "smartdeal", "float": "int8", "rows": "rows_int8"}
    key = digest(
        code(*TRAINER), repr(config), repr(recipe(data)), repr(ROWS), str(ROWS_DENSITY), data, str(seed)
    )
    files = {kind: f"{data}-{name}-{key}" for kind, name in names.items()}
    start = b""
    if not all((folder / f"{file}.net").is_file() for file in files.values()):
        with step(f"float network, {data}"):
            start = run_jobs({"float network": partial(pretrained, data, seed)})["float network"]
    wanted = jobs(start, standard(data), data, seed, config)
    wanted["rows"] = partial(finish_rows, start, data, ROWS_DENSITY, seed)
    with step("every variant, the same number of epochs in all"):
        found = run_jobs({kind: partial(kept_job, folder, files[kind], wanted[kind]) for kind in names})
    networks: dict[str, Network] = {name: found[kind] for kind, name in names.items()}
    return {name: networks["smartdeal" if name == "rebuild" else name] for name in NAMES}
