"""The Program: all that travels from the compiler to the machines, and its file and image forms."""

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from golden.spec import memories
from golden.spec.config import Config, ConfigError
from golden.spec.errors import ProgramError
from golden.spec.memories import END_SECTION, SECTION, Memory
from golden.spec.tensor import Tensor

VERSION = 3
MAGIC = 0x4C44_0000 | VERSION
"""First word of a program image: "LD" and the version."""

_FILE_MAGIC = b"LightDeal program\n"


@dataclass(frozen=True)
class LayerCounts:
    """One layer of a Program in numbers, for bounds and reports.

    Parameters
    ----------
    path: dotted path of the layer in the user's module.
    fold: "plain", "scale" (no basis), "group" or "column"; the name of a baseline's arithmetic.
    output: name of the tensor that it writes.
    macs: multiply-accumulates of the dense layer for one image.
    weights: weights of the dense layer.
    kept: kept coefficients; all weights of a plain layer; what a baseline counts as such.
    steps: coefficients or signed digits that cost a shift-add for each output pixel, or weights that
        cost a multiplication there (baselines).
    output_pixels: pixels of one output channel before pooling.
    products: basis terms for one image; those of a baseline may only pick sums.
    rows_fetched: input rows of `lanes` bytes read for one image.
    bytes_moved: bytes of input that some kernel position reads, of the residual, the output and the
        weights, each counted once.
    weight_bits: bits of the weights, indexes, bases, biases and shifts in the program's memories.
    """

    path: str
    fold: str
    output: str
    macs: int
    weights: int
    kept: int
    steps: int
    output_pixels: int
    products: int
    rows_fetched: int
    bytes_moved: int
    weight_bits: int


@dataclass(frozen=True)
class Program:
    """A compiled network for one configuration. All memory words are packed integers.

    Parameters
    ----------
    config: the configuration it was compiled for.
    input: name of the tensor that a run reads.  outputs: of those that it returns, at least one.
    tensors: every tensor, in order of production; the input first.
    layers: one entry per instruction.
    run: the run word; front, back: one word per instruction and an END.
    taps, terms, filters: the shared memories, from address 0.
    coefficients: for each engine, its memory of pairs (two packed entries, first one low).
    tables: the memory of tables; empty where the configuration has none.
    reference: the network that it was compiled from, as the contents of a network file, for checks
        of what the words above compute; empty where it is not known. No machine sees it.
    """

    config: Config
    input: str
    outputs: tuple[str, ...]
    tensors: tuple[Tensor, ...]
    layers: tuple[LayerCounts, ...]
    run: int
    front: tuple[int, ...]
    back: tuple[int, ...]
    taps: tuple[int, ...]
    terms: tuple[int, ...]
    filters: tuple[int, ...]
    coefficients: tuple[tuple[int, ...], ...] = field(default_factory=tuple)
    tables: tuple[int, ...] = ()
    reference: bytes = field(default=b"", repr=False)

    @property
    def output(self) -> str:
        """The first output: the one that labels are read from."""
        return self.outputs[0]

    def tensor(self, name: str) -> Tensor:
        """The tensor of that name. Raises KeyError."""
        for tensor in self.tensors:
            if tensor.name == name:
                return tensor
        raise KeyError(name)

    def contents(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """(memory number, words from address 0) of every memory."""
        yield Memory.RUN, (self.run,)
        yield Memory.FRONT, self.front
        yield Memory.BACK, self.back
        yield Memory.TAP, self.taps
        yield Memory.TERM, self.terms
        yield Memory.FILTER, self.filters
        for engine, words in enumerate(self.coefficients):
            yield Memory.COEFFICIENT + engine, words
        if self.config.tables:
            yield Memory.TABLE, self.tables

    def image(self) -> list[int]:
        """The 32-bit words that load the program into the hardware: `memory_image`."""
        return memory_image(self.config, self.contents())

    def save(self, path: Path | str) -> None:
        """Write the program file; the file appears whole or not at all."""
        path = Path(path)
        body = zlib.compress(json.dumps(_plain(self)).encode(), 9)
        data = _FILE_MAGIC + hashlib.sha256(body).digest() + body
        partial = path.with_name(path.name + ".partial")
        partial.write_bytes(data)
        partial.replace(path)

    @staticmethod
    def load(path: Path | str, config: Config | None = None) -> "Program":
        """Read a program file.

        Raises ProgramError if the file is missing, foreign, damaged, of another version, or made
        for another configuration than `config`.
        """
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise ProgramError(f"program {path}: cannot be read: {error.strerror}") from error
        if not data.startswith(_FILE_MAGIC):
            raise ProgramError(f"program {path}: not a LightDeal program file")
        digest, body = data[len(_FILE_MAGIC) :][:32], data[len(_FILE_MAGIC) + 32 :]
        if hashlib.sha256(body).digest() != digest:
            raise ProgramError(f"program {path}: damaged: its checksum does not match its contents")
        try:
            values = json.loads(zlib.decompress(body))
            if values["version"] != VERSION:
                raise ProgramError(
                    f"program {path}: version {values['version']}; this release reads {VERSION}"
                )
            program = _from_plain(values)
        except ConfigError as error:
            raise ProgramError(f"program {path}: {error}") from error
        except ProgramError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError, zlib.error, RecursionError) as error:
            raise ProgramError(f"program {path}: its contents are incomplete: {error}") from error
        if config is not None:
            program.demand_config(config, str(path))
        return program

    def demand_config(self, config: Config, where: str = "program") -> None:
        """Raises ProgramError if the program was compiled for other sizes than `config`."""
        if self.config.digest != config.digest:
            raise ProgramError(
                f"{where}: compiled for configuration {self.config.name!r} "
                f"({self.config.digest:08x}), not for {config.name!r} ({config.digest:08x}); "
                "compile the network again"
            )


def memory_image(config: Config, contents: Iterable[tuple[int, tuple[int, ...]]]) -> list[int]:
    """The 32-bit words that load memories: (number, words from address 0) of each.

    MAGIC, configuration digest, then for each memory that has words: its section word (`SECTION`), count of
    memory words, the memory words (each in ⌈bits/32⌉ words, low word first), and at the end
    END_SECTION and the CRC-32 (ISO-HDLC) of all words before it, bytes in little-endian order.
    """
    words = [MAGIC, config.digest]
    for memory, values in contents:
        if not values:
            continue
        chunks = -(-memories.memory_shape(config, memory).bits // 32)
        words += [SECTION.pack(memory=memory, address=0, reserved=0), len(values)]
        for value in values:
            words += [value >> 32 * i & 0xFFFFFFFF for i in range(chunks)]
    words.append(END_SECTION)
    return [*words, checksum(words)]


def checksum(words: list[int]) -> int:
    """CRC-32 (ISO-HDLC) of 32-bit words, bytes in little-endian order."""
    return zlib.crc32(b"".join(word.to_bytes(4, "little") for word in words))


_WORD_LISTS = ("front", "back", "taps", "terms", "filters", "tables")


def _encode(words: tuple[int, ...]) -> str:
    size = max(((word.bit_length() + 7) // 8 for word in words), default=1) or 1
    data = b"".join(word.to_bytes(size, "little") for word in words)
    return f"{size}:{base64.b64encode(data).decode()}"


def _decode(text: str) -> tuple[int, ...]:
    head, body = text.split(":")
    size, data = int(head), base64.b64decode(body)
    return tuple(int.from_bytes(data[i : i + size], "little") for i in range(0, len(data), size))


def _plain(program: Program) -> dict[str, object]:
    return {
        "version": VERSION,
        "config": asdict(program.config),
        "input": program.input,
        "outputs": program.outputs,
        "tensors": [asdict(tensor) for tensor in program.tensors],
        "layers": [asdict(layer) for layer in program.layers],
        "run": f"{program.run:x}",
        "coefficients": [_encode(words) for words in program.coefficients],
        "reference": base64.b64encode(program.reference).decode(),
        **{name: _encode(getattr(program, name)) for name in _WORD_LISTS},
    }


def _from_plain(values: dict[str, Any]) -> Program:
    return Program(
        config=Config(**values["config"]),
        input=values["input"],
        outputs=tuple(values["outputs"]),
        tensors=tuple(
            Tensor(**it | {key: tuple(it[key]) for key in ("shape", "degree", "phases") if key in it})
            for it in values["tensors"]
        ),
        layers=tuple(LayerCounts(**layer) for layer in values["layers"]),
        run=int(values["run"], 16),
        coefficients=tuple(_decode(text) for text in values["coefficients"]),
        reference=base64.b64decode(values.get("reference", "")),
        **{name: _decode(values[name]) for name in _WORD_LISTS},
    )
