"""Several images in a run, side by side: where an image has one pixel, all lanes but one would be idle.

A linear layer on one pixel reads each weight for one sum. Neighbouring pixels of a map are neighbouring
lanes, so images that stand there as pixels share each read: a run takes about as long for `lanes` images as
for one.
"""

import math
from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from golden.graph.network import Layer, Network, refuse
from golden.graph.network_file import from_bytes
from golden.graph.operations.convolution import Convolution
from golden.graph.operations.window import Window
from golden.spec.errors import UnsupportedError
from golden.spec.program import Program

_Value = TypeVar("_Value", bound=np.generic)


def side_by_side(network: Network, images: int) -> Network:
    """The network that computes so many images in one run, of shape (C, 1, images).

    Each image stays as it is: nothing looks beyond its pixel.

    Raises UnsupportedError, naming what cannot be so, for a network with a map of more than one pixel or a
    layer other than linear ones and convolutions of one position, and for less than one image.
    """
    if images < 1:
        raise UnsupportedError(f"{images} images side by side; supported: 1 and more")
    if images == 1:
        return network
    for feature in network.features.values():
        if feature.shape[1:] != (1, 1):
            size = "×".join(map(str, feature.shape))
            raise UnsupportedError(
                f"images side by side: tensor {feature.name!r} is {size}; supported: maps of one pixel"
            )
    if mixed := _mixes(network):
        raise refuse(
            mixed,
            f"{type(mixed.product).__name__} where images lie side by side",
            "linear layers, and convolutions of one position, without pooling",
        )
    features = {name: replace(it, shape=(it.shape[0], 1, images)) for name, it in network.features.items()}
    return replace(network, features=features)


def takes_several(program: Program) -> bool:
    """Whether a program's input is images side by side, pixels in a row of which none sees another."""
    _, height, width = program.tensor(program.input).shape
    return (
        height == 1 < width
        and bool(program.reference)
        and not _mixes(from_bytes(program.reference, "program"))
    )


def _mixes(network: Network) -> Layer | None:
    """The first layer of which a pixel sees others, if there is one."""
    for layer in network.layers:
        product = layer.product
        if not (isinstance(product, Convolution) and product.window == Window((1, 1)) and layer.per_pixel):
            return layer
    return None


def put_beside(values: npt.NDArray[_Value], images: int) -> npt.NDArray[_Value]:
    """(N, C, 1, 1) → (⌈N ÷ images⌉, C, 1, images); behind the last one stand zeros."""
    runs = math.ceil(len(values) / images)
    whole = np.zeros((runs * images, values.shape[1]), values.dtype)
    whole[: len(values)] = values[:, :, 0, 0]
    return whole.reshape(runs, images, 1, -1).transpose(0, 3, 2, 1)


def take_apart(values: npt.NDArray[_Value], count: int) -> npt.NDArray[_Value]:
    """The first `count` of (runs, C, 1, images), as (count, C, 1, 1): the inverse of `put_beside`."""
    return values.transpose(0, 3, 1, 2).reshape(-1, values.shape[1], 1, 1)[:count]
