"""Several processes that `torchrun` started: each ends with the bits of one alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from golden.learning import Plan, State, fresh_state, load_state, residual_network, train
from tests.golden.learning.samples import same

NETWORK = residual_network((1, 8, 8), (4, 1), ((4, 1), (6, 2)))
PLAN = Plan(epochs=1, batch=9)
"""Two processes do not share nine images evenly."""

PROGRAM = """
import sys
from pathlib import Path
from golden.learning import save_state
from golden.learning.ranks import count, joined, speaks
from tests.golden.learning.test_ranks import NETWORK, trained
with joined():
    assert count() == 2
    state = trained()
save_state(Path(sys.argv[1]) / f"{speaks()}.npz", NETWORK, state)
"""


def trained() -> State:
    """Three steps from nothing."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(-127, 128, (27, 1, 8, 8), generator=generator).to(torch.int8)
    labels = torch.randint(0, NETWORK.classes, (27,), generator=generator)
    return train(NETWORK, fresh_state(NETWORK, 1, 0.5), images, labels, PLAN)


@pytest.mark.long
def test_both_end_with_the_bits_of_one(tmp_path: Path) -> None:
    starter = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    subprocess.run(
        [*starter, "2", str(program), str(tmp_path)],
        check=True,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    alone = trained()
    assert same(load_state(tmp_path / "True.npz", NETWORK), alone)
    assert same(load_state(tmp_path / "False.npz", NETWORK), alone)
