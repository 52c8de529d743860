"""The hand-off folder: accelerator, program, images and expected values; runs without Python."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flows.base.files import whole_folder
from flows.user.core_file import core_text
from flows.user.verilog import beside
from golden.machine.tensors import image_words, pack_tensor, result_mask, result_words
from golden.spec.memories import feature_bits, run_record
from golden.spec.program import Program

FILES = Path(__file__).with_name("handoff_files")
BENCH = ("testbench.v", "README.txt", "run.sh", "filelist.f")

Int8 = npt.NDArray[np.int8]


def write_handoff(
    folder: Path,
    program: Program,
    verilog: Path,
    tensors: Mapping[str, Int8],
    cycles: tuple[int, ...],
    skip: bool,
) -> Path:
    """Write a folder that proves, with Icarus alone, that the Verilog computes the program.

    Parameters
    ----------
    folder: takes the place of what was there; appears whole or not at all.
    verilog: file of the module `accelerator` for the program's configuration, with its metadata beside.
    tensors: golden's int8 (images, channels, height, width) for the input and every layer's output.
    cycles: the cycle model's count for each image.
    skip: zero-row skipping on.

    Raises ValueError if the numbers of images differ.
    """
    lanes = program.config.lanes
    images = tensors[program.input]
    if len(images) != len(cycles):
        raise ValueError(f"hand-off {folder}: {len(images)} images and {len(cycles)} cycle counts")
    outputs = [program.tensor(layer.output) for layer in program.layers]
    words = {tensor.name: pack_tensor(tensors[tensor.name], tensor, lanes) for tensor in outputs}
    masks = {
        tensor.name: pack_tensor(np.ones((1, *tensor.shape), np.int8), tensor, lanes) for tensor in outputs
    }
    inputs, result = image_words(program, images), result_words(program, tensors)
    stream = program.image()
    with whole_folder(folder, "filelist.f") as partial:
        for name in BENCH:
            shutil.copy(FILES / name, partial)
        shutil.copy(verilog, partial / "accelerator.v")
        shutil.copy(beside(verilog)[0], beside(partial / "accelerator.v")[0])
        _write(partial / "program.mem", [f"{word:08x}" for word in stream])
        _write(partial / "image.mem", _hex(inputs))
        _write(partial / "result.mem", _hex(result))
        _write(partial / "result_mask.mem", _bits(result_mask(program).astype(np.int8)))
        _write(partial / "trace.mem", _hex(np.concatenate([words[t.name] for t in outputs], axis=1)))
        _write(partial / "trace_mask.mem", _bits(np.concatenate([masks[t.name] for t in outputs], axis=1)))
        _write(partial / "cycles.mem", [f"{count:08x}" for count in cycles])
        sizes: dict[str, object] = {
            "PROGRAM_WORDS": len(stream),
            "IMAGES": len(images),
            "IMAGE_WORDS": inputs.shape[1],
            "RESULT_WORDS": result.shape[1],
            "TOTAL_WORDS": sum(words[t.name].shape[1] for t in outputs),
            "LAYERS": len(outputs),
            "LANES": lanes,
            "ADDRESS_BITS": feature_bits(program.config),
            "SKIP": f"1'b{int(skip)}",
            # Loading takes a few cycles a word; a run has the program's own limit.
            "CYCLE_LIMIT": 16 * len(stream) + run_record(program.config).unpack(program.run)["cycle_limit"],
        }
        tables = {
            "layer_first": [tensor.address for tensor in outputs],
            "layer_size": [words[tensor.name].shape[1] for tensor in outputs],
            "layer_bytes": [tensor.shape[0] * tensor.words(lanes) * lanes for tensor in outputs],
        }
        text = [f"localparam {name} = {value};" for name, value in sizes.items()]
        text += [_table(name, values) for name, values in tables.items()]
        text.append(_names([layer.path for layer in program.layers]))
        _write(partial / "sizes.vh", text)
        memories = sorted(path.name for path in partial.glob("*.mem"))
        about = f"LightDeal accelerator {program.config.name} with a program and a bench that proves it"
        _write(
            beside(partial / "accelerator.v")[1],
            [core_text("accelerator", "accelerator.v", about, memories).rstrip()],
        )
    return folder


def _write(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n")


def _hex(words: Int8) -> list[str]:
    """One line of hexadecimal digits for each word of (…, lanes) bytes, lane 0 in the low byte."""
    flipped = np.ascontiguousarray(words.reshape(-1, words.shape[-1])[:, ::-1]).view(np.uint8)
    return [row.tobytes().hex() for row in flipped]


def _bits(words: Int8) -> list[str]:
    """One line of hexadecimal digits for each word: bit i is set where byte i is not zero."""
    lanes = words.shape[-1]
    return [
        f"{sum(int(byte != 0) << lane for lane, byte in enumerate(row)):0{-(-lanes // 4)}x}"
        for row in words.reshape(-1, lanes)
    ]


def _table(name: str, values: list[int]) -> str:
    cases = "\n".join(f"        {number}: {name} = {value};" for number, value in enumerate(values))
    return (
        f"function integer {name}(input integer number);\n    case (number)\n{cases}\n"
        f"        default: {name} = 0;\n    endcase\nendfunction"
    )


def _names(paths: list[str]) -> str:
    size = 8 * max(len(path) for path in paths)
    cases = "\n".join(f'        {number}: layer_name = "{path}";' for number, path in enumerate(paths))
    return (
        f"function [{size - 1}:0] layer_name(input integer number);\n    case (number)\n{cases}\n"
        '        default: layer_name = "";\n    endcase\nendfunction'
    )
