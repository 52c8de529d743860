"""What a self-test holds: a program, images, and the results that golden gives."""

import numpy as np
import numpy.typing as npt

from golden.machine.run import run_program
from golden.machine.tensors import image_words, pack_tensor
from golden.spec.program import Program
from hw.tops.selftest import Contents


def make_contents(program: Program, images: npt.NDArray[np.int8]) -> Contents:
    """The ROMs of a self-test.

    Parameters
    ----------
    images: int8 (images, channels, height, width) of the program's input tensor, at least one.

    Raises ValueError if images have another dtype or shape.
    """
    lanes = program.config.lanes
    output = program.tensor(program.output)
    right = run_program(program, images).tensors[program.output]
    used = pack_tensor(np.ones((1, *output.shape), np.int8), output, lanes)
    return Contents(
        program=program.image(),
        images=_words(image_words(program, images)),
        results=_words(pack_tensor(right, output, lanes)),
        enables=[sum(int(byte) << lane for lane, byte in enumerate(word)) for word in used[0]],
    )


def _words(words: npt.NDArray[np.int8]) -> list[int]:
    """(…, lanes) bytes as integers, lane 0 in the low byte."""
    return [int.from_bytes(word.tobytes(), "little") for word in words.reshape(-1, words.shape[-1])]
