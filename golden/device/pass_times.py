"""The time of a device's passes: what their instructions and streams are in a step."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from golden.cycles.layers import Layer, zero_rows
from golden.cycles.passes import PassTiming, pass_timing
from golden.datapath.decode import PairBlock
from golden.device.back_parts import back_streams
from golden.device.plan import StepPlan
from golden.device.played import PlayedDevice, part_of
from golden.device.streams import Stream, stream
from golden.learning.state import State
from golden.machine.decode import DecodedLayer
from golden.spec import formats
from golden.spec.commands import Command
from golden.spec.memories import back_record, front_record, tap_record


@dataclass
class Passes:
    """What commands are, and how long those of the array take."""

    plan: StepPlan
    state: State
    device: PlayedDevice
    skip: bool

    def timing(self, kind: Command, fields: dict[str, int], number: int) -> PassTiming:
        """Of a command that is not NORM."""
        config = self.plan.config
        if kind == Command.UPDATE:
            return PassTiming(self.plan.engines.update_cycles(fields["pair"], fields["pairs"]))
        return pass_timing(config, self._layers(number, fields), kind, bool(fields["addend"]))

    def _layers(self, number: int, fields: dict[str, int]) -> list[Layer]:
        """The instructions of a command, with what the streams hold in this step."""
        plan = self.plan
        part, index = part_of(plan, number)
        it, array = self.state.layers[index], plan.network.array
        codes, mask = it.codes.numpy().astype(np.int64), it.mask.numpy()
        if part == "error":
            shape, turned = (*codes.shape[:2], -1), (1, 0, 2)
            codes, mask = (values.reshape(shape).transpose(turned) for values in (codes, mask))
            runs = plan.layers[index].runs
            run = runs[plan.commands.error[index].index(number)]
            turned_streams = back_streams(codes, mask, tuple(it for run in runs for it in run), array)
            streams = [turned_streams[it.stream] for it in run]
        else:
            whole = stream(codes.reshape(len(codes), -1), mask.reshape(len(codes), -1), array)
            first = plan.layers[index].starts.index(fields["block"])
            streams = [replace(whole, blocks=whole.blocks[first:])]
        return [self._layer(place, its) for place, its in enumerate(streams, fields["entry"])]

    def _layer(self, entry: int, its: Stream) -> Layer:
        """its: from the first round of the instruction on."""
        plan, config = self.plan, self.plan.config
        front = front_record(config).unpack(plan.front[entry])
        first, count = front["tap_address"], front["tiles"] * front["taps"]
        taps = [tap_record(config).unpack(word) for word in plan.taps[first : first + count]]
        lanes = range(config.lanes)
        shape = front["tiles"], front["taps"]
        nothing = np.zeros(0, np.int64)
        decoded = DecodedLayer(
            front=front,
            back=back_record(config).unpack(plan.back[entry]),
            pixel=np.array([tap["pixel"] for tap in taps], np.int64).reshape(shape),
            mask=np.array([[tap["mask"] >> lane & 1 for lane in lanes] for tap in taps], bool).reshape(
                *shape, -1
            ),
            blocks=tuple(
                tuple(_block(it.code, it.slot, it.advance) for it in round_)
                for round_ in its.blocks[: front["rounds"]]
            ),
            term_count=1,
            bias=nothing,
            shift=nothing,
            table=None,
        )
        if not self.skip:
            return Layer(decoded, None)
        memory = np.array(self.device.features, np.int8)
        return Layer(decoded, [zero_rows(memory, decoded, 0).tolist()] * front["rounds"])


def _block(
    code: npt.NDArray[np.int64], slot: npt.NDArray[np.int64], advance: npt.NDArray[np.int64]
) -> PairBlock:
    """Without what stands behind END."""
    end = int(np.flatnonzero(code == formats.CODE_END)[0]) + 1
    return PairBlock(code[:end], slot[:end], np.cumsum(advance[:end]))
