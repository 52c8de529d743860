"""Networks in .tflite files that several tests take, and random numbers for them."""

from typing import Any

import numpy as np
import tflite
import torch

from tests.golden.frontend.tflite_models import File, Floats

RNG = np.random.default_rng(7)
IMAGES = RNG.random((3, 8, 7, 2), np.float32).astype(np.float64)
RELU, RELU6 = tflite.ActivationFunctionType.RELU, tflite.ActivationFunctionType.RELU6


def first(maps: Floats) -> torch.Tensor:
    """Maps as torch has them: channels first."""
    values = maps.transpose(0, 3, 1, 2) if maps.ndim == 4 else maps[:, :, None, None]
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))


def weights(*shape: int) -> Any:
    """Random float32 values around 0."""
    return (RNG.random(shape, np.float32) - 0.4).astype(np.float32)


def residual(count: int) -> File:
    """Convolutions with SAME and VALID, an addition, a mean, a classifier and softmax."""
    made = File(IMAGES, count)
    x = made.conv(
        made.input, made.held("w", weights(4, 3, 3, 2)), made.held("b", weights(4)), activation=RELU
    )
    y = made.conv(
        x, made.held("w2", weights(4, 1, 1, 4)), made.held("b2", weights(4)), name="two;Relu;BiasAdd"
    )
    x = made.node(
        "ADD", [y, x], np.maximum(made.values[y] + made.values[x], 0), "Add", FusedActivationFunction=1
    )
    x = made.conv(x, made.held("w3", weights(3, 3, 3, 4)), same=False, stride=(2, 2), name="three")
    x = made.dense(made.mean(x), made.held("d", weights(5, 3)), made.held("e", weights(5)), name="four")
    scores = np.exp(made.values[x])
    made.node("SOFTMAX", [x], scores / scores.sum(1, keepdims=True), name="five")
    return made
