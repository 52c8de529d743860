"""From a network of the zoo to a network file: trained, compressed, kept."""

import pickle
from dataclasses import dataclass, replace
from functools import partial

import torch

from flows.base.files import save_whole
from flows.base.kept import code, digest
from flows.zoo.commands import Zoo
from golden.compress import CompressionPlan, Schedule, compress, default_plan, import_module
from golden.graph import network_file
from golden.graph.floats import FloatGraph
from golden.graph.network import Network
from golden.progress import Progress
from golden.spec.config import SMALL
from golden.workloads import Dataset, accuracy
from golden.workloads.zoo import ZOO, Entry
from golden.workloads.zoo.training import shaped, train

CONFIG = replace(
    SMALL,
    name="small-zoo",
    accumulator_bits=24,
    feature_words=1 << 16,
    coefficient_words=1 << 16,
    tap_words=1 << 15,
    term_words=1 << 16,
    filter_words=1 << 13,
    instructions=256,
)
"""SMALL's array with sums and memories for the largest network; what a network uses is counted."""

SAMPLES = 256
TESTED = 1000
"""Images that activations are calibrated on; that accuracies are measured on."""


@dataclass(frozen=True)
class Pictures:
    """What all networks learn and are tested with, before it takes their shapes.

    Parameters
    ----------
    train, test: pickled data sets: they travel between processes as bytes, not through shared memory, of
        which containers have little.
    """

    train: bytes
    test: bytes

    @staticmethod
    def of(train: Dataset, test: Dataset) -> "Pictures":
        """The images alone, not the larger set that they may be a part of."""
        return Pictures(*(pickle.dumps(_alone(it)) for it in (train, test)))


def _alone(data: Dataset) -> Dataset:
    return Dataset(data.name, data.images.clone(), data.labels.clone())


@dataclass(frozen=True)
class Made:
    """A network of the zoo, compressed.

    Parameters
    ----------
    parameters: of the float network.  kept: share of its weights.  learnt: images that it was trained with.
    floats, integers: accuracy of the float and of the integer network, where there are labels.
    test: images in the network's shape.
    """

    network: Network
    parameters: int
    kept: float
    learnt: int
    floats: float | None
    integers: float | None
    test: Dataset


def learnt(entry: Entry, options: Zoo) -> int:
    """Images that a network is trained with."""
    return max(2, round(options.train * entry.share))


def planned(entry: Entry, graph: FloatGraph, density: float) -> CompressionPlan:
    """The default plan, with less in the layers of which the entry says so."""
    plan = default_plan(graph, density, CONFIG)
    fewer = {path: (plan.of(path), share) for path, share in entry.sparser.items()}
    found = {path: replace(of, density=of.density * share) for path, (of, share) in fewer.items()}
    return replace(plan, layers={**plan.layers, **found})


def made(name: str, options: Zoo, pictures: Pictures, progress: Progress) -> Made:
    """A network of `ZOO`, trained and compressed; its file stays in `options.out`.

    Raises LightDealError, with what is not supported.
    """
    entry = ZOO[name]
    whole: Dataset = pickle.loads(pictures.train)
    data = shaped(entry, whole.part(0, learnt(entry, options)))
    test = shaped(entry, pickle.loads(pictures.test))
    samples = data.images[:SAMPLES]
    # What cannot run is refused before the training.
    compress(entry.make().eval(), samples[:4], config=CONFIG, tolerance=1)
    module = _trained(name, options, data, progress)
    again = options.again if entry.classes else 0
    found = compress(
        module,
        samples,
        planned(entry, import_module(module, samples), options.density),
        train_data=data if again else None,
        epochs=again,
        seed=options.seed,
        progress=progress,
        schedule=Schedule(batch=entry.batch),
        shift=0,
        config=CONFIG,
        tolerance=1,
        resume=options.out / f"{name}.training",
    )
    save_whole(options.out / f"{name}.net", partial(network_file.save, found.network))
    return Made(
        network=found.network,
        parameters=sum(it.numel() for it in module.parameters()),
        kept=found.kept,
        learnt=len(data),
        floats=accuracy(module, test) if entry.classes else None,
        integers=found.accuracy(test) if entry.classes else None,
        test=test,
    )


def _trained(name: str, options: Zoo, data: Dataset, progress: Progress) -> torch.nn.Module:
    """The float network; its weights are kept for the next call. A damaged file counts as none."""
    entry = ZOO[name]
    key = digest(code("golden/workloads"), name, repr((options.train, options.epochs, options.seed)))
    path = options.out / "floats" / f"{name}-{key}.pt"
    module = entry.make()
    try:
        module.load_state_dict(torch.load(path, weights_only=True))
        return module.eval()
    except (OSError, EOFError, RuntimeError, TypeError, AttributeError, ValueError, pickle.UnpicklingError):
        module = train(entry, data, options.epochs, options.seed, progress)
    save_whole(path, lambda place: torch.save(module.state_dict(), place))
    return module
