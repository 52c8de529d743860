"""Coefficients × rows → sums."""

from golden.spec import arithmetics
from hw.engine.datapath import Datapath, register
from hw.engine.shift_add import ShiftAddends
from hw.engine.stream import CoefficientStream

register(Datapath(arithmetics.SHIFT_ADD, CoefficientStream, ShiftAddends))
