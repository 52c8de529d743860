"""The tasks that a device learns: where it starts, and the images that it learns from and is judged by."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from flows.base.files import save_whole
from flows.base.kept import code, digest
from flows.learn.commands import REGROW
from flows.learn.floats import fresh_graph
from golden.compress import Schedule, compress, import_module, no_basis_plan
from golden.compress.floats import unpack_floats
from golden.graph import network_file
from golden.graph.floats import FloatGraph
from golden.graph.network import Network as CompressedNetwork
from golden.learning import Network, Plan, State, fresh_state, pixels, residual_network
from golden.learning.start import start
from golden.learning.state import HEAD_LARGEST
from golden.progress import Progress
from golden.spec.learning import HEAD_FRACTION
from golden.workloads import Dataset, FashionNet, fit, load_digits, load_fashion_mnist, load_mnist

DENSITY = 0.25
CALIBRATION = 256
"""Training images, without labels, that a compressed network is fitted to before it learns."""


@dataclass(frozen=True)
class Task:
    """What is learnt.

    Parameters
    ----------
    network, state: the device's, at the start.
    dense, masked: the same start in floats, the user's own weights and those under the mask; graphs that
        `golden.graph.floats.run_float` runs, with batch norm.
    train, held, test: images to learn from, to choose rates by, to judge by.
    rates: L of codes that are tried.
    batch, regrow: of the device's plan (`golden.learning.Plan`); the controls in floats have its defaults.
    """

    name: str
    network: Network
    state: State
    dense: FloatGraph
    masked: FloatGraph
    train: Dataset
    held: Dataset
    test: Dataset
    rates: tuple[int, ...]
    batch: int = Plan.batch
    regrow: float = 0.0


def task(name: str, folder: Path, seed: int, images: int, progress: Progress) -> Task:
    """A task of `TASKS`.

    Parameters
    ----------
    folder: where a pre-trained network is kept for the next call.
    seed: of the start: pre-training, masks, what is drawn afresh.  images: to learn from.
    """
    return TASKS[name](folder, seed, images, progress)


def _classes(folder: Path, seed: int, images: int, progress: Progress) -> Task:
    """Five classes of Fashion-MNIST are known; the other five are learnt."""
    train, held, test = load_fashion_mnist()
    known = _of(train.part(0, 16_000), range(5))
    found = _pretrained(folder / "classes", known, seed, progress)
    new = _of(train.part(16_000, 40_000), range(5, 10)).part(0, images)
    return _adapt("classes", found, new, _of(held, range(5, 10)), _of(test, range(5, 10)), None)


def _data(folder: Path, seed: int, images: int, progress: Progress) -> Task:
    """Fashion-MNIST is known; MNIST is learnt, with a head drawn afresh."""
    known = load_fashion_mnist()[0].part(0, 10_000)
    found = _pretrained(folder / "data", known, seed, progress)
    train, test = load_mnist()
    border = min(images, 3500)
    return _adapt("data", found, train.part(0, border), train.part(3500, 4000), test, seed)


def _scratch(data: str, folder: Path, seed: int, images: int, progress: Progress) -> Task:
    """Nothing is known: codes are drawn under a mask that is drawn, too."""
    if data == "digits":
        whole, test = load_digits()
        train, held = whole.part(0, min(images, 1184)), whole.part(1184, len(whole))
        network = residual_network((1, 8, 8), (24, 1), ((24, 1), (48, 2)))
        batch = 32
    else:
        whole, held, test = load_fashion_mnist()
        train = whole.part(0, images)
        network = residual_network((1, 32, 32), (24, 2), ((24, 2), (48, 2), (48, 1)))
        batch = 64
    state = fresh_state(network, seed, DENSITY)
    torch.manual_seed(seed)
    dense = fresh_graph(network)
    masked = _masked(dense, state)
    return Task(f"scratch.{data}", network, state, dense, masked, train, held, test, (-3, -2), batch, REGROW)


def _masked(graph: FloatGraph, state: State) -> FloatGraph:
    """The graph with zeros where the state's masks keep nothing, its weights as large in sum of squares."""
    layers = list(graph.layers)
    for index, it in enumerate(state.layers):
        product = layers[index].convolution
        weight = product.weight * it.mask * it.mask.float().mean().rsqrt()
        layers[index] = replace(layers[index], product=replace(product, weight=weight))
    return replace(graph, layers=tuple(layers))


def _of(data: Dataset, classes: range) -> Dataset:
    chosen = (data.labels >= classes.start) & (data.labels < classes.stop)
    return Dataset(data.name, data.images[chosen], data.labels[chosen])


def _pretrained(folder: Path, data: Dataset, seed: int, progress: Progress) -> CompressedNetwork:
    """A FashionNet, trained in floats and compressed without a basis; kept in `folder`."""
    key = digest(code("golden/compress", "golden/workloads", "golden/frontend"), data.name, str(seed))
    path = folder / f"start-{seed}-{len(data)}-{key}.net"
    if path.is_file():
        return network_file.load(path)
    torch.manual_seed(seed)
    module = FashionNet()
    fit(module, data, 5, seed, progress)
    sample = data.images[:CALIBRATION]
    plan = no_basis_plan(import_module(module, sample), DENSITY)
    schedule = Schedule(rate=1e-3, trust=0.0)
    # Images are moved as in the training before.
    found = compress(module, sample, plan, data, 4, seed=seed, progress=progress, schedule=schedule, shift=1)
    save_whole(path, partial(network_file.save, found.network))
    return found.network


def _adapt(
    name: str, found: CompressedNetwork, train: Dataset, held: Dataset, test: Dataset, head: int | None
) -> Task:
    """A compressed network as the start; with `head`, a seed, its fully connected layer is drawn afresh."""
    network, state = start(found, pixels(train.images[:CALIBRATION]))
    dense, masked = unpack_floats(found.floats)
    if head is not None:
        rng = np.random.default_rng(head)
        wide = rng.normal(0, (3 * network.features) ** -0.5, (network.classes, network.features))
        unit = 2.0 ** (network.head_unit - HEAD_FRACTION)
        weights = np.clip(np.rint(wide / unit), -HEAD_LARGEST, HEAD_LARGEST)
        fresh = replace(
            state.head,
            weights=torch.from_numpy(weights.astype(np.int16)),
            bias=torch.zeros(network.classes, dtype=torch.int16),
        )
        state = replace(state, head=fresh)
        dense, masked = (_with_head(graph, weights * unit) for graph in (dense, masked))
    return Task(name, network, state, dense, masked, train, held, test, (-4, -3, -2))


def _with_head(graph: FloatGraph, weights: np.ndarray) -> FloatGraph:
    last = graph.layers[-1]
    shaped = torch.from_numpy(weights.astype(np.float32)).reshape(last.convolution.weight.shape)
    product = replace(last.convolution, weight=shaped, bias=torch.zeros(len(weights)))
    return replace(graph, layers=(*graph.layers[:-1], replace(last, product=product)))


TASKS: dict[str, Callable[[Path, int, int, Progress], Task]] = {
    "classes": _classes,
    "data": _data,
    "scratch.digits": partial(_scratch, "digits"),
    "scratch.fashion-mnist": partial(_scratch, "fashion-mnist"),
}
