"""From a network of the zoo to a network file: trained, compressed, kept."""

from dataclasses import dataclass, replace
from functools import partial

import torch

from flows.base.files import save_whole
from flows.base.kept import code, digest
from flows.zoo.commands import Zoo
from golden.compress import compress, default_plan, import_module
from golden.graph import network_file
from golden.graph.network import Network
from golden.progress import Progress
from golden.spec.config import SMALL
from golden.workloads import Dataset, accuracy
from golden.workloads.zoo import ZOO
from golden.workloads.zoo.training import train, zoo_data

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
class Made:
    """A network of the zoo, compressed.

    Parameters
    ----------
    parameters: of the float network.  kept: share of its weights.
    floats, integers: accuracy of the float and of the integer network, where there are labels.
    """

    network: Network
    parameters: int
    kept: float
    floats: float | None
    integers: float | None


def made(name: str, options: Zoo, progress: Progress) -> Made:
    """A network of `ZOO`, trained and compressed; its file stays in `options.out`.

    Raises LightDealError, with what is not supported.
    """
    entry = ZOO[name]
    data, test = zoo_data(entry, options.train, TESTED)
    samples = data.images[:SAMPLES]
    # What cannot run is refused before the training.
    compress(entry.make().eval(), samples[:4], config=CONFIG, tolerance=1)
    module = _trained(name, options, data, progress)
    again = options.again if entry.classes else 0
    found = compress(
        module,
        samples,
        default_plan(import_module(module, samples), options.density, CONFIG),
        train_data=data if again else None,
        epochs=again,
        seed=options.seed,
        progress=progress,
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
        floats=accuracy(module, test) if entry.classes else None,
        integers=found.accuracy(test) if entry.classes else None,
    )


def _trained(name: str, options: Zoo, data: Dataset, progress: Progress) -> torch.nn.Module:
    """The float network; its weights are kept for the next call."""
    entry = ZOO[name]
    key = digest(code("golden/workloads"), name, repr((options.train, options.epochs, options.seed)))
    path = options.out / "floats" / f"{name}-{key}.pt"
    if path.is_file():
        module = entry.make()
        module.load_state_dict(torch.load(path, weights_only=True))
        return module.eval()
    module = train(entry, data, options.epochs, options.seed, progress)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_whole(path, lambda place: torch.save(module.state_dict(), place))
    return module
