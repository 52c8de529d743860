"""From the writes that a simulator saw to the tensors of every layer."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from golden.spec.program import Program
from golden.tensors import positions
from sim.ports import ImageRecord, SimulationError

Int8 = npt.NDArray[np.int8]
Cycles = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class LayerWrites:
    """What one layer wrote for one image.

    Parameters
    ----------
    values: int8 (channels, height, width); zero where nothing was written.
    cycles: uint32, same shape: cycle of the write of each value, 0 where nothing was written.
    last: cycle of the layer's last write, 0 if there was none.
    """

    values: Int8
    cycles: Cycles
    last: int


class TraceReader:
    """Splits the writes of an image by layer. The drain finishes a layer before it begins the next.

    Layers may share memory, so a write belongs to a layer by its place in the order of writes:
    each layer writes every word of its tensor once.
    """

    def __init__(self, program: Program) -> None:
        self._lanes = program.config.lanes
        self._size = program.config.feature_words * self._lanes
        tensors = [program.tensor(layer.output) for layer in program.layers]
        self._layers = [
            (t.name, t.shape[0] * t.words(self._lanes), positions(t, self._lanes)) for t in tensors
        ]

    def read(self, record: ImageRecord) -> dict[str, LayerWrites]:
        """Tensor name → what was written to it, for every layer in order of execution.

        A write to an address outside the layer's tensor is not part of any tensor.
        """
        layers = {}
        start = 0
        lane = np.arange(self._lanes, dtype=np.uint64)
        for name, count, places in self._layers:
            writes = record.writes[start : start + count]
            start += count
            enabled = (writes["enable"][:, None] >> lane & np.uint64(1)).astype(bool)
            target = (writes["address"].astype(np.int64)[:, None] * self._lanes + lane.astype(np.int64))[enabled]
            memory = np.zeros(self._size, np.int8)
            cycles = np.zeros(self._size, np.uint32)
            memory[target] = writes["data"][enabled]
            cycles[target] = np.broadcast_to(writes["cycle"][:, None], enabled.shape)[enabled]
            last = int(writes["cycle"][-1]) if len(writes) else 0
            layers[name] = LayerWrites(memory[places], cycles[places], last)
        return layers

    def demand_count(self, record: ImageRecord, where: str) -> None:
        """Raises SimulationError if there are more writes than the program's tensors have words."""
        words = sum(count for _, count, _ in self._layers)
        if len(record.writes) > words:
            raise SimulationError(
                f"{where}: {len(record.writes)} words were written; the program's tensors have {words}"
            )
