"""What every test shares: few threads, repeatable properties, no leftovers."""

import os

import hypothesis
import pytest
import torch

hypothesis.settings.register_profile("lightdeal", deadline=None, print_blob=True, derandomize=True)
hypothesis.settings.load_profile("lightdeal")

torch.set_num_threads(min(2, os.cpu_count() or 1))


@pytest.fixture(scope="session")
def repository(pytestconfig: pytest.Config) -> "os.PathLike[str]":
    """The folder of pyproject.toml."""
    return pytestconfig.rootpath
