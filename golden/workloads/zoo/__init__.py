"""Small networks that people have: those of MLPerf Tiny in their shapes, and others.

Their own data cannot be had in a package: they learn Fashion-MNIST in the shape of their images.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import nn

from golden.workloads.zoo import mlperf, others


@dataclass(frozen=True)
class Entry:
    """A network of the zoo.

    Parameters
    ----------
    title: for people.  make: the network, with weights drawn at random.
    image: shape of one image, without the batch: (C, H, W), or (C, L) of a sequence.
    classes: of its logits; 0 for a network that gives its image again.
    share: of the training images that it takes: large networks take fewer, so that all train about as long.
    batch: images of a step; fewer where there are fewer images.
    sparser: path of a layer → the share that it keeps of the coefficients that others keep in its place.
    """

    title: str
    make: Callable[[], nn.Module]
    image: tuple[int, ...]
    classes: int
    share: float = 1.0
    batch: int = 64
    sparser: Mapping[str, float] = field(default_factory=dict)


_MOBILENET_SPARSER = dict.fromkeys(("1.0.1", "3.0.1", "5.0.1"), 2 / 3) | {
    f"{number}.1.1": 13 / 15 for number in (7, 8, 9, 10, 11, 13)
}
"""Layers that wait for the adders, where those around them wait for their rows and keep more for nothing:
depthwise ones on the largest maps, which are unrolled, and the largest ones of one position."""

ZOO: Mapping[str, Entry] = {
    "resnet8": Entry("ResNet-8, MLPerf Tiny image classification", mlperf.resnet, (3, 32, 32), 10, 1 / 2, 32),
    "ic02": Entry(
        "ResNet-8 of 40, 80, 160 filters, MLPerf Tiny IC02",
        lambda: mlperf.resnet((40, 80, 160)),
        (3, 32, 32),
        10,
        1 / 8,
        16,
    ),
    "dscnn": Entry("DS-CNN, MLPerf Tiny keyword spotting", mlperf.ds_cnn, (1, 49, 10), 12),
    "mobilenet": Entry(
        "MobileNetV1 0.25, MLPerf Tiny visual wake words",
        mlperf.mobilenet,
        (3, 96, 96),
        2,
        1 / 4,
        16,
        _MOBILENET_SPARSER,
    ),
    "autoencoder": Entry("autoencoder, MLPerf Tiny anomaly detection", mlperf.autoencoder, (640, 1, 1), 0),
    "wakeword": Entry("MLPerf Tiny streaming wake word, a window", mlperf.wake_word, (40, 30, 1), 3),
    "lenet": Entry("LeNet-5", others.lenet, (1, 32, 32), 10),
    "unet": Entry("U-Net of two scales", others.UNet, (1, 32, 32), 0),
    "densenet": Entry("DenseNet block of four layers", others.DenseBlock, (1, 16, 16), 10),
    "mobilenetv2": Entry("MobileNetV2 0.35", others.mobilenet2, (3, 96, 96), 2, 1 / 8, 16),
    "resnet20": Entry("ResNet-20", others.resnet20, (3, 32, 32), 10, 1 / 4, 16),
    "conv1d": Entry("keywords by Conv1d", others.conv1d, (40, 64), 12),
}
"""By name, as metrics have it."""
