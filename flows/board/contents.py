"""What a self-test holds: a program, images, and the results that golden gives."""

import numpy as np
import numpy.typing as npt

from golden.machine.run import run_program
from golden.machine.tensors import image_words, result_mask, result_words
from golden.spec.program import Program
from hw.tops.selftest import Contents


def make_contents(program: Program, images: npt.NDArray[np.int8]) -> Contents:
    """The ROMs of a self-test.

    Parameters
    ----------
    images: int8 (images, channels, height, width) of the program's input tensor, at least one.

    Raises ValueError if images have another dtype or shape.
    """
    right = run_program(program, images).tensors
    return Contents(
        program=program.image(),
        images=_words(image_words(program, images)),
        results=_words(result_words(program, right)),
        enables=[sum(int(byte) << lane for lane, byte in enumerate(word)) for word in result_mask(program)],
    )


def _words(words: npt.NDArray[np.int8]) -> list[int]:
    """(…, lanes) bytes as integers, lane 0 in the low byte."""
    return [int.from_bytes(word.tobytes(), "little") for word in words.reshape(-1, words.shape[-1])]
