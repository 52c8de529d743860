"""The files of a hand-off, digit by digit: lane 0 is the low byte, and the low bit of a mask."""

from pathlib import Path

import numpy as np

from flows.user.handoff import write_handoff
from golden.compiler import compile_network
from golden.machine.run import run_program
from golden.machine.tensors import image_words
from golden.spec.config import TINY
from tests.golden.networks import random_images
from tests.golden.small import chain


def test_words_and_masks(tmp_path: Path) -> None:
    # Five pixels on four lanes: the second word of a channel holds one of them.
    network = chain((2, 1, 5), ("a", 3, (1, 1)))
    program = compile_network(network, TINY)
    images = random_images(np.random.default_rng(1), network, 2)
    tensors = run_program(program, images).tensors
    verilog = tmp_path / "accelerator.v"
    verilog.write_text("")
    verilog.with_suffix(".metadata.json").write_text("{}")
    folder = write_handoff(tmp_path / "handoff", program, verilog, tensors, (10, 11), True)

    def lines(name: str) -> list[str]:
        return (folder / f"{name}.mem").read_text().split()

    words = image_words(program, images).reshape(-1, TINY.lanes)
    assert lines("image") == [
        "".join(f"{byte & 255:02x}" for byte in reversed(word)) for word in words.tolist()
    ]
    assert [int(line, 16) for line in lines("program")] == program.image()
    result = tensors["a"].reshape(-1, 5)
    expected = [
        [*pixels[:4][::-1], 0, 0, 0, pixels[4]]  # the second word has one pixel, in lane 0
        for pixels in result.tolist()
    ]
    found = [
        [byte if byte < 128 else byte - 256 for byte in bytes.fromhex(first + second)]
        for first, second in zip(lines("result")[::2], lines("result")[1::2], strict=True)
    ]
    assert found == expected
    assert lines("result_mask") == lines("trace_mask") == ["f", "1"] * 3
    assert lines("cycles") == ["0000000a", "0000000b"]
