"""What every test shares: few threads, repeatable properties, no leftovers."""

import os

import hypothesis
import pytest
import torch

hypothesis.settings.register_profile("lightdeal", deadline=None, print_blob=True, derandomize=True)
hypothesis.settings.load_profile("lightdeal")

# Small tensors: a second thread waits more than it works, and most of all beside other work.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def repository(pytestconfig: pytest.Config) -> "os.PathLike[str]":
    """The folder of pyproject.toml."""
    return pytestconfig.rootpath
