"""The verb zoo: options, help, and what does it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from flows.base.option_kinds import Choice, Count, Density, FoundFile, OutFolder, Seed, Whole
from flows.base.verb import Verb

NAMES = (
    "all",
    "resnet8",
    "ic02",
    "dscnn",
    "mobilenet",
    "autoencoder",
    "wakeword",
    "lenet",
    "unet",
    "densenet",
    "mobilenetv2",
    "resnet20",
    "conv1d",
)


@dataclass(frozen=True)
class Zoo:
    """The networks of the zoo, each trained, compressed, compiled and run on RTL.

    Parameters
    ----------
    name: of one network, or "all".
    train: images to train with, of which large networks take a share.
    epochs: of the float training; 0 leaves weights at random.
    again: epochs of re-training behind compression, where there are labels.
    images: that run through RTL.
    fuzz: folder of `./run fuzz`, whose figures stand beside the networks' if it ran on this code.
    """

    name: Annotated[str, Choice(NAMES)] = "all"
    train: Count = 4000
    epochs: Annotated[int, Whole(0, 100_000)] = 4
    again: Annotated[int, Whole(0, 100_000)] = 4
    density: Density = 0.15
    images: Count = 2
    seed: Seed = 1
    fuzz: FoundFile = Path("build/fuzz")
    out: OutFolder = Path("build/zoo")


ZOO = Verb(
    "zoo",
    "small networks that people have (MLPerf Tiny and others), from PyTorch to RTL",
    Zoo,
    "flows.zoo.verb:zoo",
    {
        "name": "network, or all",
        "train": "images to train with; large networks take a share of them",
        "again": "epochs of re-training behind compression",
        "fuzz": "folder of ./run fuzz, whose figures are taken over if it ran on this code",
        "density": "kept fraction of the coefficients",
    },
    takes="minutes for each network, most of them training; what is done is kept, also after a kill",
)
