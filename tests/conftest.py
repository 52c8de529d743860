"""What every test shares: few threads, repeatable properties, no leftovers."""

import os

import hypothesis
import pytest
import torch

from golden import baselines as streams
from hw import baselines as datapaths

hypothesis.settings.register_profile("lightdeal", deadline=None, print_blob=True, derandomize=True)
hypothesis.settings.load_profile("lightdeal")

streams.register_all()
datapaths.register_all()

# Small tensors: a second thread waits more than it works, and most of all beside other work.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def repository(pytestconfig: pytest.Config) -> "os.PathLike[str]":
    """The folder of pyproject.toml."""
    return pytestconfig.rootpath
