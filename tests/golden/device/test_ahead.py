"""The way forward in steps: all is done once, and nobody reads what does not stand."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from golden.cycles.norm import norm_cycles
from golden.device import StepPlan, plan_step
from golden.device.ahead import PIECES, Step, forward_order, forward_steps, piece_filters
from golden.device.maps import Maps, plan_maps
from golden.learning import Layer, Network, fresh_state
from golden.learning.samples import residual_network
from golden.learning.scheme import everything, head_only, last_blocks
from golden.spec.config import SMALL_LEARNING, Config
from golden.spec.tensor import Tensor
from tests.sim.learning.devices import CONFIG, NETWORK, SHORTCUT
