"""The networks of MLPerf Tiny in their shapes; layers and padding from mlcommons/tiny, May 2026."""

import itertools

from torch import nn

from golden.workloads.zoo.blocks import Residual, normed, same, separable


def resnet(filters: tuple[int, int, int] = (16, 32, 64)) -> nn.Module:
    """Image classification: (N, 3, 32, 32) → (N, 10). IC02 has 40, 80, 160 filters."""
    first, second, third = filters
    return nn.Sequential(
        same(3, first, (32, 32)),
        Residual(first, first, (32, 32)),
        Residual(first, second, (32, 32), 2),
        Residual(second, third, (16, 16), 2),
        nn.AvgPool2d(8),
        nn.Flatten(),
        nn.Linear(third, 10),
    )


def ds_cnn() -> nn.Module:
    """Keyword spotting: (N, 1, 49, 10) → (N, 12)."""
    return nn.Sequential(
        same(1, 64, (49, 10), (10, 4), (2, 2)),
        *(separable(64, 64, (25, 5)) for _ in range(4)),
        nn.AvgPool2d((25, 5)),
        nn.Flatten(),
        nn.Linear(64, 12),
    )


def mobilenet() -> nn.Module:
    """Visual wake words, MobileNetV1 with a quarter of the channels: (N, 3, 96, 96) → (N, 2)."""
    layers: list[nn.Module] = [same(3, 8, (96, 96), stride=(2, 2))]
    channels, size = 8, 48
    for number, filters in enumerate((16, 32, 32, 64, 64, *[128] * 6, 256, 256), 1):
        stride = 2 if number in (2, 4, 6, 12) else 1
        layers.append(separable(channels, filters, (size, size), stride))
        channels, size = filters, size // stride
    return nn.Sequential(*layers, nn.AvgPool2d(3), nn.Flatten(), nn.Linear(channels, 2))


def autoencoder() -> nn.Module:
    """Anomaly detection: (N, 640, 1, 1) → (N, 640)."""
    sizes = (640, 128, 128, 128, 128, 8, 128, 128, 128, 128, 640)
    layers: list[nn.Module] = [nn.Flatten()]
    for before, behind in itertools.pairwise(sizes):
        layers += [nn.Linear(before, behind), nn.BatchNorm1d(behind), nn.ReLU()]
    return nn.Sequential(*layers[:-2])


def wake_word() -> nn.Module:
    """Streaming wake word, on one whole window: (N, 40, 30, 1) → (N, 3)."""
    layers: list[nn.Module] = []
    channels = 40
    for length, filters in zip((3, 5, 10, 15), (128, 128, 128, 32), strict=True):
        layers += normed(nn.Conv2d(channels, channels, (length, 1), groups=channels, bias=False))
        layers += normed(nn.Conv2d(channels, filters, 1, bias=False))
        channels = filters
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels, 3))
