"""The networks of the published figures: trained, and compressed in the ways that stand side by side.

Every variant starts from the same pre-trained float network and has the same number of epochs in all.
"""

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from flows.base.jobs import Job
from golden.compress import Schedule, compress, import_module, int8_plan
from golden.compress.patterns import Pattern, pattern_plan
from golden.graph.network import Network
from golden.progress import Progress
from golden.spec.config import Config, ConfigError
from golden.spec.errors import LightDealError
from golden.workloads import Dataset, DigitsNet, FashionNet, accuracy, fit, load_digits, load_fashion_mnist


@dataclass(frozen=True)
class Recipe:
    """How a data set is trained.

    Parameters
    ----------
    network: class of the float network.
    pretrain: epochs of the float network that every variant starts from.
    retrain: further epochs of every variant, the float network included.
    density: kept fraction of the coefficients of the layers between the first and the last.
    rate: first learning rate; the float network goes on with a third of it. batch, decay: see
        `golden.workloads.fit`. trust: share of the loss in re-training that the float network teaches.
    samples: training images for calibration.
    rtl_images: test images that run through RTL, None for all.
    floor: accuracy that the float network must reach for a comparison to mean something.
    """

    network: type[nn.Module]
    pretrain: int
    retrain: int
    density: float
    floor: float
    rate: float = 3e-3
    batch: int = 64
    decay: float = 1e-2
    trust: float = 0.7
    samples: int = 512
    rtl_images: int | None = None


SHIFT = 1
"""Pixels that images are moved by at random in every training here, as `golden.workloads.fit` does."""

RECIPES = {
    "digits": Recipe(DigitsNet, pretrain=20, retrain=30, density=0.17, floor=0.985),
    # Chosen on the validation images: learning from labels alone is better here.
    "fashion-mnist": Recipe(
        FashionNet,
        pretrain=6,
        retrain=24,
        density=0.24,
        floor=0.9,
        rate=1e-3,
        trust=0.0,
        rtl_images=1000,
    ),
}


@dataclass(frozen=True)
class Outcome:
    """A trained variant.

    Parameters
    ----------
    accuracy: on the test images, fraction of 1; of the integer network unless the kind is float.
    validation: on the images that choices are made by, or None where there are none.
    network: integers, or None for float.
    kept: kept coefficients ÷ all weights.
    """

    accuracy: float
    validation: float | None
    network: Network | None = None
    kept: float = 1.0


def recipe(data: str) -> Recipe:
    """The recipe of a data set. Raises LightDealError for an unknown name."""
    if data not in RECIPES:
        raise LightDealError(f"data {data!r}; legal: {', '.join(RECIPES)}")
    return RECIPES[data]


def load(data: str) -> tuple[Dataset, Dataset | None, Dataset]:
    """(train, validation or None, test). Raises DataError if files are missing."""
    if data == "digits":
        train, test = load_digits()
        return train, None, test
    return load_fashion_mnist()


def demand_bases(config: Config) -> None:
    """Raises ConfigError where the two of `standard` would be one: the configuration leaves the basis out."""
    if not config.bases:
        raise ConfigError(
            f"configuration {config.name!r} leaves the basis out (`bases`), so nothing stands beside "
            f"networks without one; `lightdeal table --config …` has those alone"
        )


def standard(data: str) -> dict[str, Pattern]:
    """The two that always stand side by side, at the recipe's density."""
    density = recipe(data).density
    return {
        "no basis": Pattern(False, "elements", 1, density),
        "SmartDeal": Pattern(True, "elements", 1, density),
    }


def pretrained(data: str, seed: int, progress: Progress) -> bytes:
    """The float network that every variant starts from, pickled.

    It travels between processes as bytes, not through shared memory, of which containers have little.
    """
    train, _, _ = load(data)
    torch.manual_seed(seed)
    plan = recipe(data)
    made = fit(
        plan.network(),
        train,
        plan.pretrain,
        seed,
        progress,
        rate=plan.rate,
        batch=plan.batch,
        decay=plan.decay,
    )
    return pickle.dumps(made)


def finish(
    start: bytes, pattern: Pattern, data: str, seed: int, config: Config, progress: Progress
) -> Outcome:
    """Compress and re-train one pattern, from the pickled pre-trained network on."""
    train, validation, test = load(data)
    chosen = recipe(data)
    samples = train.images[: chosen.samples]
    network: nn.Module = pickle.loads(start)
    plan = pattern_plan(import_module(network, samples), pattern, config)
    schedule = Schedule(rate=chosen.rate, batch=chosen.batch, decay=chosen.decay, trust=chosen.trust)
    made = compress(
        network,
        samples,
        plan,
        train,
        chosen.retrain,
        seed=seed + 1,
        progress=progress,
        schedule=schedule,
        shift=SHIFT,
    )
    held_out = made.accuracy(validation) if validation else None
    return Outcome(made.accuracy(test), held_out, made.network, made.kept)


def retrain(
    network: nn.Module,
    data: str,
    seed: int,
    progress: Progress,
    at_step: Callable[[float], None] | None = None,
) -> None:
    """The further epochs of a float network; `at_step` as for `golden.workloads.fit`."""
    chosen = recipe(data)
    fit(
        network,
        load(data)[0],
        chosen.retrain,
        seed + 1,
        progress,
        rate=chosen.rate / 3,
        batch=chosen.batch,
        decay=chosen.decay,
        at_step=at_step,
    )


def dense(network: nn.Module, data: str) -> Outcome:
    """A float network in dense int8, without re-training."""
    train, validation, test = load(data)
    made = compress(network, train.images[: recipe(data).samples], int8_plan())
    return Outcome(made.accuracy(test), made.accuracy(validation) if validation else None, made.network)


def finish_float(start: bytes, data: str, seed: int, progress: Progress) -> dict[str, Outcome]:
    """The float network after all its epochs, and the same in dense int8 without re-training."""
    _, validation, test = load(data)
    network: nn.Module = pickle.loads(start)
    retrain(network, data, seed, progress)
    reached = Outcome(accuracy(network, test), accuracy(network, validation) if validation else None)
    return {"float": reached, "int8": dense(network, data)}


def jobs(
    start: bytes, patterns: Mapping[str, Pattern], data: str, seed: int, config: Config
) -> dict[str, Job]:
    """For `flows.base.jobs.run_jobs`: "float" (see `finish_float`), then every pattern under its name."""
    made: dict[str, Job] = {"float": partial(finish_float, start, data, seed)}
    return made | {name: partial(finish, start, it, data, seed, config) for name, it in patterns.items()}
