"""What the device has learnt, on images that it has not seen, beside the same network in FP32."""

from dataclasses import dataclass

import numpy as np

from flows.learn.floats import RATES, FloatNet, measured, train_float
from flows.learn.tasks import CALIBRATION, Task
from golden.graph.reference import run_network
from golden.learning import Plan, Scheme, State, accuracy, pixels
from golden.learning.finish import finish
from golden.workloads import Dataset


@dataclass(frozen=True)
class Judged:
    """Shares of the test images that are labelled right.

    Parameters
    ----------
    start: before learning.  device: by what the device has learnt, as it infers while it learns.
    program: by the integers of the finished network, which the compiler reads.
    floats: by the same network in FP32 that learnt from the same batches under the same mask, with the
        best of RATES on held-out images.
    """

    start: float
    device: float
    program: float
    floats: float


def judged(found: Task, learnt: State, scheme: Scheme, plan: Plan, steps: int) -> Judged:
    """steps: that the device has made, on the batches of the plan."""
    network, test = found.network, found.test
    images = pixels(test.images)
    finished = finish(network, learnt, pixels(found.train.images[:CALIBRATION]))
    logits = run_network(finished, images.numpy())[finished.outputs[0]].reshape(len(test), -1)
    nets = [
        train_float(FloatNet(found.masked, masked=True), found.train, plan, rate, scheme, steps)
        for rate in RATES
    ]
    best = max(nets, key=lambda net: measured(net, found.held)[0])
    return Judged(
        start=accuracy(network, found.state, images, test.labels),
        device=accuracy(network, learnt, images, test.labels),
        program=_right(logits, test),
        floats=measured(best, test)[0],
    )


def _right(logits: np.ndarray, test: Dataset) -> float:
    return float((logits.argmax(1) == test.labels.numpy()).mean())
