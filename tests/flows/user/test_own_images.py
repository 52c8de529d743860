"""Files of images: every kind of wrong one is refused in one line that says what is wrong."""

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from flows.user.own_images import demand_classes, load_images
from golden.spec.errors import LightDealError
from tests.flows.damage import damaged, refusal

IMAGES = np.zeros((3, 1, 2, 2), np.float32)
LABELS = np.array([0, 1, 2])


def npz(**arrays: Any) -> bytes:
    """The bytes of an .npz file."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def array(value: Any, allow_pickle: bool = False) -> bytes:
    """The bytes of an .npy file."""
    file = io.BytesIO()
    np.save(file, value, allow_pickle=allow_pickle)
    return file.getvalue()


def zipped(**entries: bytes) -> bytes:
    """The bytes of a zip file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in entries.items():
            archive.writestr(f"{name}.npy", data)
    return file.getvalue()


def huge(shape: str) -> bytes:
    """An .npy file whose header promises more than there is."""
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (63 - (10 + len(head)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head


@pytest.mark.parametrize("kind", ["float16", "float64", "longdouble", "uint8", "int64", ">f4"])
def test_numbers_of_any_kind_are_images(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(npz(images=IMAGES.astype(kind) + 1, labels=LABELS.astype(np.uint8), more=np.array([{}])))
    found = load_images(str(path), True)
    assert found.images.dtype == np.float32
    assert (found.images == 1).all()
    assert found.labels is not None
    assert found.labels.dtype == np.int64
    assert found.labels.tolist() == [0, 1, 2]


def test_what_leaves_float32_is_infinite_and_no_warning(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(npz(images=np.full((1, 1, 1, 1), 1e300)))
    assert np.isinf(load_images(str(path), True).images).all()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty; expected an .npz file as numpy.savez(file, images=…, labels=…) makes it"),
        (array(IMAGES), "a single array (.npy); expected an .npz file"),
        (npz(images=IMAGES)[:-30], "cut or damaged; expected an .npz file"),
        (npz(images=IMAGES)[:5], "cut or damaged; expected an .npz file"),
        (b"images,labels\n1,2\n", "something else; expected an .npz file"),
        (npz(), "images: found nothing; expected numbers, N×C×H×W, N×C×L or N×F, at least one"),
        (npz(image=IMAGES), "images: found nothing"),
        (npz(images=IMAGES[0, 0, 0]), "images: found float32 of shape (2,); expected numbers"),
        (npz(images=IMAGES[:0]), "images: found float32 of shape (0, 1, 2, 2)"),
        (npz(images=IMAGES[:, :, :0]), "images: found float32 of shape (3, 1, 0, 2)"),
        (npz(images=np.float32(3)), "images: found float32 of shape ()"),
        (npz(images=IMAGES.astype(complex)), "images: found complex128 of shape (3, 1, 2, 2)"),
        (npz(images=IMAGES.astype(bool)), "images: found bool of shape"),
        (npz(images=IMAGES.astype(str)), "images: found <U32 of shape"),
        (npz(images=IMAGES.astype("datetime64[s]")), "images: found datetime64[s] of shape"),
        (
            npz(images=IMAGES.astype(object)),
            "damaged, or not of numbers (ValueError: Object arrays cannot be loaded",
        ),
        (
            zipped(images=array(IMAGES.astype(object), True)),
            "damaged, or not of numbers (ValueError: Object arrays",
        ),
        (zipped(images=b"text"), "images: found"),
        (zipped(images=array(IMAGES)[:-5]), "damaged, or not of numbers (ValueError: "),
        (zipped(images=huge("(1000000, 1000, 1000, 1000)")), "does not fit the memory: "),
        (zipped(images=huge("(1 << 99, 2, 2, 2)")), "damaged, or not of numbers ("),
        (zipped(images=huge("(-1, 2, 2, 2)")), "damaged, or not of numbers ("),
        (npz(images=IMAGES, labels=LABELS[:2]), "labels: found int64 of shape (2,); expected 3 integers"),
        (
            npz(images=IMAGES, labels=LABELS[:, None]),
            "labels: found int64 of shape (3, 1); expected 3 integers",
        ),
        (npz(images=IMAGES, labels=LABELS / 2), "labels: found float64 of shape (3,); expected 3 integers"),
        (npz(images=IMAGES, labels=LABELS > 1), "labels: found bool of shape (3,); expected 3 integers"),
        (npz(images=IMAGES, labels=np.eye(3)), "labels: found float64 of shape (3, 3); expected 3 integers"),
        (npz(images=IMAGES, labels=LABELS - 1), "labels: found -1 for image 0; expected classes, from 0"),
        (
            npz(images=IMAGES, labels=np.array([0, 2**63, 1], np.uint64)),
            "labels: found 9223372036854775808 for image 1; expected classes, from 0",
        ),
    ],
)
def test_a_file_that_holds_no_images(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(data)
    with pytest.raises(LightDealError, match=rf"^data '{path}': {re.escape(words)}") as caught:
        load_images(str(path), True)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "none.npz",
            "neither an .npz file that can be read nor digits or fashion-mnist: No such file or directory",
        ),
        (".", "not a file; expected an .npz file"),
        ("/dev/null", "not a file; expected an .npz file"),
        ("", "not a file; expected an .npz file"),
        ("n" * 300, "neither an .npz file that can be read nor digits or fashion-mnist: File name too long"),
    ],
)
def test_no_file_at_all(name: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LightDealError, match=rf"^data '{name}': {re.escape(words)}"):
        load_images(name, True)


def test_labels_must_be_classes_of_the_network(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(npz(images=IMAGES, labels=LABELS))
    found = load_images(str(path), True)
    demand_classes("x", found, 3)
    with pytest.raises(
        LightDealError, match=r"'x': labels: found 2 for image 2; the network has 2 outputs: expected 0…1"
    ):
        demand_classes("x", found, 2)


WHOLE = npz(images=IMAGES, labels=LABELS)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damaged(WHOLE))
def test_random_damage_is_refused_or_harmless(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(data)
    said = refusal(lambda: load_images(str(path), True))
    assert said is None or said.startswith(f"data '{path}': ")
    assert "\n" not in (said or "")
