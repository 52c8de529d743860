"""Training on the device: a step as memories, commands and firmware, and the host that sends them."""

from golden.device.host import Exchange, Run, device_step, load_device, read_state
from golden.device.plan import StepPlan, plan_step
from golden.device.training import regrow_device, train_device

__all__ = [
    "Exchange",
    "Run",
    "StepPlan",
    "device_step",
    "load_device",
    "plan_step",
    "read_state",
    "regrow_device",
    "train_device",
]
