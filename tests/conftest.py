"""What every test shares: few threads, repeatable properties, no leftovers; which of them run."""

import os
import signal
from pathlib import Path

import hypothesis
import pytest
import torch

from golden import baselines as streams
from hw import baselines as datapaths
from sim.backends import verilated
from tests.selection import is_quick

pytest_plugins = ["pytester"]

hypothesis.settings.register_profile("lightdeal", deadline=None, print_blob=True, derandomize=True)
hypothesis.settings.load_profile("lightdeal")

streams.register_all()
datapaths.register_all()

# Small tensors: a second thread waits more than it works, and most of all beside other work.
torch.set_num_threads(1)

# A shell has what it starts in the background ignore interrupts; tests that send some would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Compiling takes longer than the short runs of tests.
verilated.LEVEL = "-O1"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of ./run test."""
    parser.addoption("--quick", action="store_true", help="only modules that `tests.selection` calls quick")
    parser.addoption("--long", action="store_true", help="the tests that are marked as long, too")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves out what is not quick, where that is asked for; it need not even be imported."""
    if config.getoption("--quick") and collection_path.name.startswith("test_"):
        return True if not is_quick(collection_path) else None
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is marked as long, unless it is asked for: by --long, or by its name."""
    if config.getoption("--long"):
        return
    named = set(config.args)
    left = [
        item
        for item in items
        if item.get_closest_marker("long")
        and not {item.nodeid, item.nodeid.partition("[")[0], item.nodeid.partition("::")[0]} & named
    ]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


@pytest.fixture(scope="session")
def repository(pytestconfig: pytest.Config) -> "os.PathLike[str]":
    """The folder of pyproject.toml."""
    return pytestconfig.rootpath
