"""A whole training on a device: what `golden.learning.train` does, masks that change included."""

from collections.abc import Callable, Generator

import torch

from golden.device.host import Exchange, Int8, Run, device_step, load_device, read_state
from golden.device.plan import StepPlan, plan_step
from golden.learning.loop import Plan, settle
from golden.learning.network import Network
from golden.learning.regrow import due, regrown
from golden.learning.scheme import Scheme, everything
from golden.learning.state import State
from golden.learning.step import Report
from golden.progress import Progress, silent
from golden.spec.config import Config


def regrow_device(
    it: StepPlan, loaded: State, share: float, done: float, seed: int
) -> Generator[Run, Int8, tuple[StepPlan, State]]:
    """Masks of a device change between two steps (docs/learning.md, section 16): its state is read, and
    loaded again with new streams. Ends with the plan and the state that it goes on with.

    Parameters
    ----------
    it, loaded: what the device has been loaded with.  share, done, seed: as `golden.learning.regrow.regrown`.

    Raises CapacityError where the new streams do not fit; the device has its old ones then, and goes on.
    """
    state = yield from read_state(it, loaded)
    state = regrown(it.network, state, it.scheme, share, done, seed)
    # Codes at other places make streams of other lengths.
    following = plan_step(it.network, state, it.images, it.config, it.scheme)
    yield from load_device(following, state)
    return following, state


def train_device(
    network: Network,
    state: State,
    images: torch.Tensor,
    labels: torch.Tensor,
    plan: Plan,
    config: Config,
    progress: Progress = silent,
    *,
    scheme: Scheme | None = None,
    stop: int | None = None,
    after: Callable[[int, Report], None] = lambda _step, _report: None,
) -> Exchange:
    """`golden.learning.train`, bit for bit, on a device of a configuration; ends with the state.

    Parameters
    ----------
    images, labels, plan, scheme, stop: as there.  after: called with the number of steps that are done.

    A state of no steps is settled by the host. Raises as `plan_step` and `golden.learning.train`.
    """
    learns = scheme or everything(network)
    total = plan.epochs * plan.steps(len(images))
    if state.steps == 0:
        chosen = plan.batch_at(0, len(images))
        state = settle(network, state, images[chosen], labels[chosen], scheme)
    it, loaded = plan_step(network, state, plan.batch, config, learns), state
    yield from load_device(it, loaded)
    for number in range(state.steps, total if stop is None else min(stop, total)):
        if plan.regrow and due(number, number / total):
            it, loaded = yield from regrow_device(it, loaded, plan.regrow, number / total, plan.seed)
        chosen = plan.batch_at(number, len(images))
        report = yield from device_step(it, images[chosen], labels[chosen], plan.rates(number / total))
        progress(f"step {number + 1} of {total}: loss {report.loss:.3f}", (number + 1) / total)
        after(number + 1, report)
    return (yield from read_state(it, loaded))
