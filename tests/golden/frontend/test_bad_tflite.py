"""TFLite files that are damaged, or hold what there is not: the words of every refusal."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golden.frontend.files import read_network
from golden.frontend.foreign import ForeignFileError
from golden.frontend.importer import import_module
from golden.spec.errors import UnsupportedError
from tests.golden.frontend.tflite_models import File
from tests.golden.frontend.tflite_networks import IMAGES, first, residual, weights


def one(add: Callable[[File], int], **options: Any) -> File:
    """A file of a little network."""
    made = File(IMAGES, **options)
    add(made)
    return made


def uneven(made: File) -> int:
    """Weights of other channels than the map's."""
    w = made.held("w", weights(3, 3, 3, 4))
    return made.node(
        "CONV_2D", [made.input, w], np.zeros((3, 8, 7, 3)), "Conv2D", name="c", StrideH=1, StrideW=1
    )


BAD = weights(3, 3, 3, 2)
BAD[2, 1, 0, 1] = np.nan


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (
            one(lambda it: it.conv(it.input, it.held("kernel", BAD), name="c")),
            "c: CONV_2D's 'kernel': nan at [2, 1, 0, 1] (1 of 54 values); supported: finite values",
        ),
        (
            one(lambda it: it.conv(it.input, it.held("kernel", BAD.astype(np.float16)), name="c")),
            "c: CONV_2D's 'kernel': float16; supported: float32",
        ),
        (
            one(lambda it: it.conv(it.input, it.tensor("gone", BAD.shape, values=BAD), name="c")),
            "c: CONV_2D reads 'gone' (FLOAT32), which the file does not hold and no operator gives; supp",
        ),
        (
            one(lambda it: it.node("LSTM", [it.input], IMAGES, name="r")),
            "r: found LSTM; supported: Conv2d and Conv1d, Linear",
        ),
        (
            one(lambda it: it.node("MyOp", [it.input], IMAGES, name="m")),
            "m: found custom operator 'MyOp'; supported: Conv2d and Conv1d, Linear",
        ),
        (
            one(uneven),
            "c: CONV_2D with weights of shape (3, 3, 3, 4) on 2 channels; supported: channels that fit",
        ),
        (
            one(
                lambda it: it.conv(
                    it.input, it.int8("w", np.ones(BAD.shape, np.int8), [1.0, 2.0, np.inf]), name="c"
                )
            ),
            "c: 'w': a scale of inf; supported: finite values",
        ),
    ],
)
def test_bad_operators_are_told_by_name(made: File, words: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError) as error:
        import_module(read_network(made.saved(tmp_path)), first(IMAGES))
    assert words in str(error.value)


def test_all_bad_operators_are_told_at_once(tmp_path: Path) -> None:
    made = File(IMAGES)
    x = made.conv(made.input, made.held("w", weights(3, 3, 3, 2)), name="a", stride=(1, 5))
    x = made.node("LSTM", [x], made.values[x], name="b")
    x = made.conv(x, made.held("w2", weights(3, 3, 3, 3)), name="c", stride=(5, 5))
    x = made.node("COS", [x], made.values[x], name="d")
    with pytest.raises(UnsupportedError) as error:
        import_module(read_network(made.saved(tmp_path)), first(IMAGES))
    lines = str(error.value).splitlines()
    assert lines[0].endswith(" problems:")
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda it: it[:4] + b"ABCD" + it[8:], "damaged, or not a .tflite file"),
        (lambda it: b"\x08\x00", "damaged, or not a .tflite file"),
        (lambda it: it[: len(it) // 2], "damaged: its parts do not fit together"),
        (lambda it: it[:8] + b"\xff" * (len(it) - 8), "damaged"),
    ],
)
def test_damaged_files(change: Callable[[bytes], bytes], words: str, tmp_path: Path) -> None:
    path = residual(1).saved(tmp_path)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ForeignFileError) as error:
        read_network(path)
    assert str(error.value).startswith(f"network {path}: {words}")


def test_any_damage_is_told_or_harmless(tmp_path: Path) -> None:
    """One byte changed: an error in words, or a network; nothing else."""
    path = residual(1).saved(tmp_path)
    whole, told = path.read_bytes(), 0
    for place in np.random.default_rng(1).integers(0, len(whole), 40):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            import_module(read_network(path), first(IMAGES))
        except (ForeignFileError, UnsupportedError):
            told += 1
    assert told > 8


def test_another_version_of_the_schema(tmp_path: Path) -> None:
    made = residual(1)
    path = tmp_path / "net.tflite"
    path.write_bytes(made.bytes(len(made.tensors) - 1, version=2))
    with pytest.raises(ForeignFileError, match="schema version 2; supported: 3"):
        read_network(path)
