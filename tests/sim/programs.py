"""One random network with all that it takes to compare backends on it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from golden.compiler import compile_network
from golden.graph.network import Network
from golden.graph.reference import run_network
from golden.spec.config import Config
from golden.spec.program import Program
from tests.golden.networks import random_images, random_network

Int8 = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Case:
    """A network, its Program, images, and what golden's operators make of them."""

    seed: int
    network: Network
    program: Program
    images: Int8
    expected: dict[str, Int8]


def random_case(seed: int, config: Config, images: int = 2, largest: int = 6) -> Case:
    """The case of a seed; `largest` as in `random_network`."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, config, largest)
    batch = random_images(rng, network, images)
    return Case(seed, network, compile_network(network, config), batch, run_network(network, batch))
