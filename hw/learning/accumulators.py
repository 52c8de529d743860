"""The accumulators of an engine that learns: their shifters serve the gradient too."""

from typing import Any

from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats
from hw.engine.accumulators import Accumulators
from hw.engine.shift_add import ADDEND_BITS
from hw.learning.addends import LaneAddends


class LearningAccumulators(Accumulators):
    """Accumulators whose lanes may go by codes of their own, and that show what their lanes add.

    Golden, latency, throughput: those of `Accumulators`.

    Members: those of `Accumulators`; and
    gradient: In, a gradient pass: lanes go by `codes`, which come a cycle after the step; it adds to no sum.
    addend, carry: Out, what the lanes add, three cycles after the step.
    """

    def _members(self) -> dict[str, Any]:
        lanes = self._config.lanes
        return super()._members() | {
            "gradient": In(1),
            "codes": In(lanes * formats.CODE_BITS),
            "addend": Out(signed(ADDEND_BITS)).array(lanes),
            "carry": Out(1).array(lanes),
        }

    def _addends(self, m: Module) -> wiring.Component:
        addends = LaneAddends(self._config)
        m.d.comb += [addends.gradient.eq(self.gradient), addends.codes.eq(self.codes)]
        for lane in range(self._config.lanes):
            m.d.comb += [
                self.addend[lane].eq(addends.addend[lane]),
                self.carry[lane].eq(addends.carry[lane]),
            ]
        return addends
