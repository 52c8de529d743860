"""scikit-learn's digits and their split, read without loading scikit-learn, which takes seconds."""

import gzip
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from golden.spec.errors import LightDealError

Ints = npt.NDArray[np.int64]
FILE = "datasets/data/digits.csv.gz"


def read_digits() -> tuple[npt.NDArray[np.float64], Ints]:
    """Images (1797, 8, 8), 0…16, and labels.

    Raises ModuleNotFoundError without scikit-learn, LightDealError where its file is missing.
    """
    found = find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")
    place = Path(found.submodule_search_locations[0]) / FILE
    try:
        text = gzip.decompress(place.read_bytes()).decode()
    except (OSError, EOFError) as error:
        raise LightDealError(f"{place}: cannot be read ({error}); install scikit-learn again") from error
    rows = np.array([line.split(",") for line in text.split()], np.float64)
    return rows[:, :-1].reshape(-1, 8, 8), rows[:, -1].astype(np.int64)


def stratified(labels: Ints, train: int, test: int) -> tuple[Ints, Ints]:
    """Indices of images to train and to test, with the same share of each class; always the same.

    Equals `sklearn.model_selection.train_test_split(…, random_state=0, stratify=labels)`.
    """
    generator = np.random.RandomState(0)
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(classes, kind="stable"), np.cumsum(counts)[:-1])
    first = _shares(counts, train, generator)
    second = _shares(counts - first, test, generator)
    chosen: tuple[list[Any], list[Any]] = ([], [])
    for it, one, two in zip(members, first, second, strict=True):
        order = it[generator.permutation(len(it))]
        chosen[0].extend(order[:one])
        chosen[1].extend(order[one : one + two])
    return generator.permutation(chosen[0]), generator.permutation(chosen[1])


def _shares(counts: Ints, drawn: int, generator: np.random.RandomState) -> Ints:
    """How many of each class: whole parts, then the classes with the largest rests, ties by chance."""
    exact = counts / counts.sum() * drawn
    found = np.floor(exact)
    rests = exact - found
    left = drawn - int(found.sum())
    for rest in np.unique(rests)[::-1]:
        if left == 0:
            break
        tied = np.flatnonzero(rests == rest)
        more = generator.choice(tied, size=min(len(tied), left), replace=False)
        found[more] += 1
        left -= len(more)
    return found.astype(np.int64)
