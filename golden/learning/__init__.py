"""The device's own training, bit for bit; docs/learning.md is the contract."""

from golden.learning.checkpoint import load_state, save_state
from golden.learning.infer import accuracy, logits
from golden.learning.loop import Plan, settle, train
from golden.learning.network import Layer, Network, residual_network
from golden.learning.scheme import (
    Head,
    LayerScheme,
    Scheme,
    Statistics,
    everything,
    head_only,
    last_blocks,
    norms_only,
)
from golden.learning.state import State, check_state, fresh_state
from golden.learning.step import Report, pixels, step
from golden.learning.update import STILL, Rates
from golden.spec.learning import LearningError

__all__ = [
    "STILL",
    "Head",
    "Layer",
    "LayerScheme",
    "LearningError",
    "Network",
    "Plan",
    "Rates",
    "Report",
    "Scheme",
    "State",
    "Statistics",
    "accuracy",
    "check_state",
    "everything",
    "fresh_state",
    "head_only",
    "last_blocks",
    "load_state",
    "logits",
    "norms_only",
    "pixels",
    "residual_network",
    "save_state",
    "settle",
    "step",
    "train",
]
