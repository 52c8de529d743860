"""The options of every flow, as values: same options, same results."""

from dataclasses import dataclass
from pathlib import Path

DATA = ("digits", "fashion-mnist")
BACKENDS = ("golden", "amaranth", "icarus", "verilator", "cxxrtl")


@dataclass(frozen=True)
class Demo:
    """The main job.

    Parameters
    ----------
    data: "digits" or "fashion-mnist".
    config: name of a configuration, or a .toml file.
    seed: of the split, the initial weights and the order of training.
    images: test images that run through RTL; None for all of digits and 1,000 of Fashion-MNIST.
    out: folder of the results; None for build/demo, or build/fashion-mnist.
    """

    data: str = "digits"
    config: str = "small"
    seed: int = 1
    images: int | None = None
    out: Path | None = None


@dataclass(frozen=True)
class Compress:
    """A user's own network, compressed.

    Parameters
    ----------
    module: "file.py:factory"; the factory takes nothing and returns a trained torch.nn.Module.
    data: .npz file with `images` (float32, N×C×H×W) and `labels` (N); the compressor re-trains on them.
    density: part of the coefficients to keep.
    pattern: "element", or "row" for rows of a filter, or "row2", "row4", "row8" for shared rows.
    basis: False for a scale per filter instead of a basis.
    epochs: of re-training; 0 only projects.
    """

    module: str
    data: Path
    out: Path = Path("build/network.net")
    density: float = 0.2
    basis: bool = True
    epochs: int = 8
    seed: int = 1


@dataclass(frozen=True)
class Compile:
    """A network file, compiled for one configuration."""

    network: Path
    config: str = "small"
    out: Path = Path("build/program.ldp")


@dataclass(frozen=True)
class Run:
    """A program, run on images.

    Parameters
    ----------
    data: .npz file as for Compress (`labels` are optional).
    on: one of BACKENDS.
    images: the first so many; None for all.
    skip: skip zero input rows.
    """

    program: Path
    data: Path
    on: str = "golden"
    images: int | None = None
    skip: bool = True
