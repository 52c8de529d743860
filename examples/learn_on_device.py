"""Training on the device: golden learns digits, then one step runs on the simulated hardware.

    python examples/learn_on_device.py

leaves `learn_on_device.png`: the loss while codes of four bits learn.
"""

from dataclasses import replace

from matplotlib import pyplot

from golden.device import Exchange, device_step, load_device, plan_step, read_state
from golden.device.compare import differences
from golden.learning import Layer, Network, Plan, accuracy, fresh_state, pixels, residual_network, step, train
from golden.learning.update import Rates
from golden.spec.config import SMALL_LEARNING
from golden.spec.learning import ArrayShape
from golden.workloads import load_digits
from sim.learning.sessions import Session

digits, test = load_digits()
images, unseen = pixels(digits.images), pixels(test.images)

# Codes of four bits and small counters learn; there are no float weights anywhere.
network = residual_network((1, 8, 8), stem=(8, 1), blocks=((12, 2),))
losses: list[float] = []
state = train(
    *(network, fresh_state(network, seed=1, density=0.5), images, digits.labels, Plan(epochs=3)),
    after=lambda _, report: losses.append(report.loss),
)
print(f"{accuracy(network, state, unseen, test.labels):.1%} of the unseen images are right")

# A device of eight shift-adders, and one layer on small images, so that its simulation is short.
device = replace(SMALL_LEARNING, name="tiny-learning", engines=2, lanes=4, feature_words=1024)
device = replace(device, coefficient_words=256, tap_words=512, term_words=16, filter_words=64)
array = ArrayShape(device.engines, device.lanes, device.accumulators)
small = Network((1, 4, 4), (Layer("one", 0, 2, stride=2),), classes=10, array=array)
batch = images[:2, :, 2:6, 2:6], digits.labels[:2]
before = fresh_state(small, seed=1)
plan = plan_step(small, before, 2, device)


def on_the_device() -> Exchange:
    """One step; what the host of a device does."""
    yield from load_device(plan, before)
    yield from device_step(plan, *batch, Rates(2, 128))
    return (yield from read_state(plan, before))


golden, _ = step(small, before, *batch, Rates(2, 128))
assert not differences(Session(device).amaranth(on_the_device()), golden)
print("a step on the hardware: all that it keeps is as in golden, bit for bit")

figure, axes = pyplot.subplots(figsize=(6, 3), layout="constrained")
axes.plot(losses)
axes.set_xlabel("step")
axes.set_ylabel("loss")
figure.savefig("learn_on_device.png", dpi=120)
