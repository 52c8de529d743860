"""The images of a user's own file, or of a data set that comes with LightDeal."""

import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flows.base.files import one_line, reason
from flows.base.option_kinds import DATA
from golden.spec.errors import LightDealError

EXPECTED = "expected an .npz file as numpy.savez(file, images=…, labels=…) makes it"


@dataclass(frozen=True)
class Images:
    """Images, and labels where there are any.

    Parameters
    ----------
    images: float32 (N, C, H, W), (N, C, L) or (N, F). labels: int64 (N,), not negative, or None.
    side: labels for each of the images: a program may take several images as one, side by side.
    """

    images: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64] | None
    side: int = 1


def load_images(data: str, training: bool) -> Images:
    """Images of an .npz file, or the training or test images of a named data set.

    Raises LightDealError if the file is missing or does not hold what it should.
    """
    if data in DATA:
        from flows.studies.training import load  # loads torch

        train, _, test = load(data)
        part = train if training else test
        return Images(part.images.numpy(), part.labels.numpy())
    arrays = _arrays(data)
    images, labels = arrays.get("images"), arrays.get("labels")
    if images is None or images.ndim not in (2, 3, 4) or 0 in images.shape or images.dtype.kind not in "fiu":
        found = "nothing" if images is None else f"{images.dtype} of shape {images.shape}"
        raise LightDealError(
            f"data {data!r}: images: found {found}; expected numbers, N×C×H×W, N×C×L or N×F, at least one"
        )
    if labels is not None and (labels.shape != images.shape[:1] or labels.dtype.kind not in "iu"):
        raise LightDealError(
            f"data {data!r}: labels: found {labels.dtype} of shape {labels.shape}; "
            f"expected {len(images)} integers"
        )
    if labels is not None and (labels.min() < 0 or labels.max() >= 2**31):
        wrong = int(np.argmax((labels < 0) | (labels >= 2**31)))
        raise LightDealError(
            f"data {data!r}: labels: found {labels[wrong]} for image {wrong}; expected classes, from 0"
        )
    with np.errstate(over="ignore"):  # what leaves float32 becomes infinite, and is refused as such
        floats = images.astype(np.float32)
    return Images(floats, None if labels is None else labels.astype(np.int64))


def demand_classes(data: str, images: Images, classes: int) -> None:
    """Raises LightDealError if a label is none of the network's classes."""
    if images.labels is not None and images.labels.max() >= classes:
        wrong = int(np.argmax(images.labels >= classes))
        raise LightDealError(
            f"data {data!r}: labels: found {images.labels[wrong]} for image {wrong}; "
            f"the network has {classes} outputs: expected 0…{classes - 1}"
        )


def _arrays(data: str) -> dict[str, Any]:
    """The arrays `images` and `labels` of a file, as far as they are there."""
    path = Path(data)
    try:
        path.stat()
        if not path.is_file():
            raise LightDealError(f"data {data!r}: not a file; {EXPECTED}, or {' or '.join(DATA)}")
        if not zipfile.is_zipfile(path):
            with path.open("rb") as file:
                start = file.read(6)
            kind = {b"\x93NUMPY": "a single array (.npy)", b"": "empty", b"PK\x03\x04": "cut or damaged"}
            said = kind.get(start, kind.get(start[:4], "something else"))
            raise LightDealError(f"data {data!r}: {said}; {EXPECTED}")
    except OSError as error:
        named = " or ".join(DATA)
        raise LightDealError(
            f"data {data!r}: neither an .npz file that can be read nor {named}: {reason(error)}"
        ) from error
    arrays = {}
    try:
        # The file is opened here, as NumPy leaves it open where it finds no archive in it.
        with (
            warnings.catch_warnings(action="ignore"),
            path.open("rb") as file,
            np.load(file, allow_pickle=False) as archive,
        ):
            for name in ("images", "labels"):
                if name in archive.files:
                    arrays[name] = np.asarray(archive[name])
    except MemoryError as error:
        raise LightDealError(f"data {data!r}: does not fit the memory: {one_line(error)}") from error
    except Exception as error:  # zip, zlib and NumPy raise almost anything on damaged bytes
        said = f"{type(error).__name__}: {one_line(error, 200)}"
        raise LightDealError(f"data {data!r}: damaged, or not of numbers ({said}); {EXPECTED}") from error
    return arrays
