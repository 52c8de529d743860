"""Program files and images: what is saved comes back, and nothing else is taken for a program."""

import hashlib
import json
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from golden.compiler import compile_network
from golden.spec.config import SMALL, TINY
from golden.spec.errors import ProgramError
from golden.spec.memories import END_SECTION, memory_shape
from golden.spec.program import MAGIC, VERSION, Program
from tests.golden.networks import random_network


@pytest.fixture(scope="module")
def program() -> Program:
    return compile_network(random_network(np.random.default_rng(3), TINY), TINY)


def test_saved_and_loaded_programs_are_equal(program: Program, tmp_path: Path) -> None:
    program.save(tmp_path / "a.program")
    assert Program.load(tmp_path / "a.program", TINY) == program
    assert [path.name for path in tmp_path.iterdir()] == ["a.program"]


def _refused(path: Path, text: str) -> None:
    with pytest.raises(ProgramError) as error:
        Program.load(path, TINY)
    assert str(error.value).startswith(f"program {path}: {text}")


def test_missing_foreign_and_damaged_files(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "a.program"
    _refused(path, "cannot be read: No such file or directory")
    path.write_bytes(b"PK\x03\x04 something else")
    _refused(path, "not a LightDeal program file")
    program.save(path)
    data = path.read_bytes()
    start = data.index(b"\n") + 1
    places = range(start, len(data), max(1, len(data) // 60))
    flipped = [data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :] for place in places]
    for damaged in (data[:-1], data[:60], *flipped):
        path.write_bytes(damaged)
        _refused(path, "damaged: its checksum does not match its contents")


def _rewrite(path: Path, **changes: object) -> None:
    """Changes fields of a program file and mends its checksum."""
    data = path.read_bytes()
    start = data.index(b"\n") + 1
    values = json.loads(zlib.decompress(data[start + 32 :])) | changes
    body = zlib.compress(json.dumps(values).encode())
    path.write_bytes(data[:start] + hashlib.sha256(body).digest() + body)


def test_another_version(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "a.program"
    program.save(path)
    _rewrite(path, version=VERSION + 1)
    _refused(path, f"version {VERSION + 1}; this release reads {VERSION}")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tensors": None}, "its contents are incomplete: 'NoneType' object is not iterable"),
        ({"layers": [{"path": "x"}]}, "its contents are incomplete: "),
        ({"run": 7}, "its contents are incomplete: "),
        ({"taps": "none"}, "its contents are incomplete: "),
    ],
)
def test_contents_that_are_no_program(
    changes: dict[str, object], words: str, program: Program, tmp_path: Path
) -> None:
    path = tmp_path / "a.program"
    program.save(path)
    _rewrite(path, **changes)
    _refused(path, words)
    path.write_bytes(b"LightDeal program\n" + hashlib.sha256(b"{}").digest() + b"{}")
    _refused(path, "its contents are incomplete")


def test_the_reference_travels_and_no_machine_sees_it(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "a.program"
    assert len(program.reference) > 100
    program.save(path)
    assert Program.load(path).reference == program.reference
    without = replace(program, reference=b"")
    assert without.image() == program.image()
    # Programs of earlier releases have no such entry.
    data = path.read_bytes()
    values = json.loads(zlib.decompress(data[data.index(b"\n") + 33 :]))
    del values["reference"]
    body = zlib.compress(json.dumps(values).encode())
    path.write_bytes(b"LightDeal program\n" + hashlib.sha256(body).digest() + body)
    assert Program.load(path) == without


def test_a_configuration_that_cannot_work(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "a.program"
    program.save(path)
    _rewrite(path, config={"name": "odd", "engines": 2, "lanes": 5})
    _refused(path, "config field 'lanes' = 5; legal: one of [2, 4, 8, 16, 32, 64]")


def test_another_configuration(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "a.program"
    program.save(path)
    with pytest.raises(ProgramError) as error:
        Program.load(path, SMALL)
    assert str(error.value) == (
        f"{path}: compiled for configuration 'tiny' ({TINY.digest:08x}), not for 'small' "
        f"({SMALL.digest:08x}); compile the network again"
    )
    # The name alone makes no difference.
    assert Program.load(path, replace(TINY, name="other")) == program


def test_the_image_holds_every_memory(program: Program) -> None:
    image = program.image()
    assert all(0 <= word < 1 << 32 for word in image)
    assert image[:2] == [MAGIC, TINY.digest]
    data = b"".join(word.to_bytes(4, "little") for word in image)
    # The CRC of a message and its own CRC is a constant: an independent check of order and bytes.
    assert zlib.crc32(data) == 0x2144DF1C
    found = {}
    at = 2
    while image[at] != END_SECTION:
        number, count = image[at], image[at + 1]
        chunks = -(-memory_shape(TINY, number).bits // 32)
        at += 2
        found[number] = tuple(
            sum(image[at + i * chunks + j] << 32 * j for j in range(chunks)) for i in range(count)
        )
        at += count * chunks
    assert at == len(image) - 2
    assert found == {number: words for number, words in program.contents() if words}


def test_unknown_tensor(program: Program) -> None:
    with pytest.raises(KeyError, match="nothing"):
        program.tensor("nothing")
