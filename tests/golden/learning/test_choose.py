"""The choice by memory: what gains most for a byte, as long as it fits; sensitivity on held-out images."""

from dataclasses import dataclass, replace

import pytest
import torch

from golden.learning import LearningError, Plan, everything, head_only
from golden.learning.choose import Part, choose, held_loss, sensitivity
from golden.learning.memory import step_memory
from tests.golden.learning.samples import NETWORK, batch, settled

EVERYTHING = tuple(
    Part(index, share, 0.1 * (share or 1))
    for index in range(len(NETWORK.layers))
    for share in (0.0, 0.5, 1.0)
)


@dataclass(frozen=True)
class Data:
    images: torch.Tensor
    labels: torch.Tensor


def size(scheme: object) -> int:
    return step_memory(NETWORK, settled(), scheme, 8)[1].size  # type: ignore[arg-type]


def test_with_room_for_all_all_learns_and_with_room_for_the_head_the_head() -> None:
    state = settled()
    whole = choose(NETWORK, state, EVERYTHING, 8, size(everything(NETWORK)))
    assert whole.scheme == everything(NETWORK)
    assert whole.size == size(everything(NETWORK))
    least = size(head_only(NETWORK))
    head = choose(NETWORK, state, EVERYTHING, 8, least)
    assert head.scheme.head == "all"
    assert head.size <= least
    with pytest.raises(LearningError, match=f"memory of {least - 1} bytes: the head alone takes {least}"):
        choose(NETWORK, state, EVERYTHING, 8, least - 1)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_what_is_chosen_fits_and_nothing_more_would(share: float) -> None:
    state, low, high = settled(), size(head_only(NETWORK)), size(everything(NETWORK))
    memory = int(low + share * (high - low))
    found = choose(NETWORK, state, EVERYTHING, 8, memory)
    assert found.size == size(found.scheme) <= memory
    assert len(found.reasons) > 1
    for index, layer in enumerate(found.scheme.layers):
        if not layer.norm:
            layers = list(found.scheme.layers)
            layers[index] = replace(layer, norm=True)
            assert size(replace(found.scheme, layers=tuple(layers))) > memory


def test_what_gains_nothing_is_left_out_and_gains_decide() -> None:
    state, last = settled(), len(NETWORK.layers) - 1
    parts = (Part(last, 0.0, 0.5), Part(last, 1.0, -0.1), Part(0, 1.0, 0.0))
    found = choose(NETWORK, state, parts, 8, 1 << 20)
    assert [it.learns for it in found.scheme.layers] == [False] * last + [True]
    assert found.scheme.layers[last].channels == 0
    assert found.reasons[1].startswith("block2.conv2: gamma and beta, 0.5000 nats, ")


def test_sensitivity_is_the_loss_on_held_out_images() -> None:
    images, labels = batch(32, seed=1)
    data, held, state = Data(images, labels), Data(*batch(64, seed=2)), settled()
    parts = sensitivity(NETWORK, state, data, held, Plan(1, batch=8), 3)
    assert [(it.layer, it.share) for it in parts] == [(it.layer, it.share) for it in EVERYTHING_SHARES]
    # A share of the channels counts as that share of the gain.
    assert parts[1].gain == pytest.approx(parts[3].gain / 4)
    assert any(abs(it.gain) > 1e-4 for it in parts)
    assert held_loss(NETWORK, state, held.images, held.labels) > 0


EVERYTHING_SHARES = tuple(
    Part(index, share, 0.0) for index in range(len(NETWORK.layers)) for share in (0.0, 0.25, 0.5, 1.0)
)
