"""The head in a step, and what it learns."""

from functools import partial
from itertools import product

from golden.device.firmware.context import StepContext
from golden.device.firmware.features import features
from golden.device.firmware.head_errors import bias_sums, map_errors, powers
from golden.device.firmware.loss import losses
from golden.device.firmware.moves import CHANNELS
from golden.device.firmware.numbers import store_counts
from golden.device.firmware.schedule import Work
from golden.learning import scheme as schemes
from golden.spec.learning import ACTIVATION_EXPONENTS, ERROR_EXPONENTS


def head_step(step: StepContext, pooled: int) -> None:
    """From the last map, whose first channels are `pooled`, to its error; what the head learns from stands
    ready beside what follows.
    """
    it, data, network, scheme = step.it, step.data, step.network, step.scheme
    images, classes = step.head.images, network.classes
    words, schedule = data.head, step.schedule
    features(it, step.head, range(pooled, network.features))
    store_counts(it, data.feature_counts)
    losses(it, step.head)
    below, whole = scheme.wanted(network)[-1], scheme.head == schemes.Head.ALL
    schedule.add(
        step.scale_work(
            data.feature_counts, words.activation, images * network.features, ACTIVATION_EXPONENTS
        ),
        step.scale_work(data.error_counts, words.error, images * classes, ERROR_EXPONENTS),
    )
    if scheme.head != schemes.Head.FROZEN:
        bias_sums(it, step.head)
    if below or whole:
        powers(it, step.head)
    if below:
        map_errors(it, step.head)
        values = images * network.features
        schedule.add(step.scale_work(data.map_error_counts, words.map_error, values, ERROR_EXPONENTS))
    if whole:
        for number, first in product(range(classes), range(0, network.features, CHANNELS)):
            weight, term = words.weights + number * network.features + first, data.terms + number
            call = partial(it.call, step.routines.weights, weight, term, data.features + first)
            schedule.add(Work(call, (92 + images) * min(CHANNELS, network.features - first)))
    if scheme.head != schemes.Head.FROZEN:
        call = partial(it.call, step.routines.bias, words.bias, words.bias + classes)
        schedule.add(Work(call, 70 * classes))
