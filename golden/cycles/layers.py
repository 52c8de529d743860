"""What a run does, layer by layer, as far as its cycles depend on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from golden.machine.decode import DecodedLayer, decode
from golden.machine.tensors import extent, pack_tensor
from golden.spec.program import Program


@dataclass(frozen=True)
class Layer:
    """A layer, and for each round which rows of its tiles are zero (tiles, rows) if known."""

    decoded: DecodedLayer
    zero: list[list[list[bool]]] | None

    @property
    def front(self) -> dict[str, int]:
        """The half of its instruction that the fetch unit reads."""
        return self.decoded.front

    @property
    def back(self) -> dict[str, int]:
        """The half that the drain reads."""
        return self.decoded.back


def read_layers(program: Program, tensors: Mapping[str, Any] | None) -> list[Layer]:
    """The layers of a Program; `tensors`: of one image, as `golden.cycles.timing.count_cycles` takes them.

    Raises MachineError as `golden.machine.decode.decode` does.
    """
    decoded = decode(program)
    if tensors is None:
        return [Layer(layer, None) for layer in decoded]
    memory = np.zeros((program.config.feature_words, program.config.lanes), np.int8)
    _store(memory, program, program.input, tensors)
    layers = []
    for counts, layer in zip(program.layers, decoded, strict=True):
        rounds = range(layer.front["rounds"] if layer.moves else 1)
        zero = [zero_rows(memory, layer, number).tolist() for number in rounds]
        layers.append(Layer(layer, zero if layer.moves else zero * layer.front["rounds"]))
        _store(memory, program, counts.output, tensors)
    return layers


def _store(memory: npt.NDArray[np.int8], program: Program, name: str, tensors: Mapping[str, Any]) -> None:
    tensor = program.tensor(name)
    words = pack_tensor(np.asarray(tensors[name]), tensor, program.config.lanes)[0]
    memory[tensor.address : tensor.address + extent(tensor, program.config.lanes)] = words


def zero_rows(memory: npt.NDArray[np.int8], layer: DecodedLayer, number: int) -> npt.NDArray[np.bool_]:
    """True for rows of a round whose bytes are all zero, shape (tiles, rows of a job)."""
    front, lanes = layer.front, memory.shape[1]
    channel = layer.channels(number) * front["input_stride"] + front["input_address"]
    byte = channel[:, None, None, None] * lanes + layer.pixel[None, :, :, None] + np.arange(lanes)
    busy = (memory.reshape(-1)[byte % memory.size] != 0) & layer.mask
    if front.get("low"):
        busy |= ~layer.mask
    zero: npt.NDArray[np.bool_] = ~busy.any(axis=3)
    return zero.transpose(1, 0, 2).reshape(front["tiles"], -1)
