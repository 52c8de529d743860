"""Five arithmetics on one network: what is compared, and that differences are found."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from flows.base.kept import code
from flows.studies import arithmetics, contestants
from flows.studies.arithmetics import compare
from flows.studies.contestants import NAMES, ROWS, matched
from flows.studies.training import Outcome
from golden.compiler import compile_network
from golden.compress import compress, import_module, int8_plan, no_basis_plan
from golden.compress.defaults import default_plan
from golden.compress.fold import unfold
from golden.graph.network import Network
from golden.graph.operations.weights import Plain
from golden.spec.config import TINY, Config
from golden.spec.errors import LightDealError
from golden.spec.program import Program
from golden.workloads import Dataset
from tests.golden.layers import altered

CONFIG = replace(TINY, coefficient_words=2048, feature_words=1024, accumulator_bits=23)


def _module() -> torch.nn.Module:
    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(a, b, 3, padding=1) for a, b in ((1, 6), (6, 12), (12, 6))]
    return torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(96, 4)).eval()


@pytest.fixture(scope="module")
def images() -> Dataset:
    rng = torch.Generator().manual_seed(1)
    return Dataset("noise", torch.rand(6, 1, 4, 4, generator=rng), torch.arange(6) % 4)


@pytest.fixture(scope="module")
def networks(images: Dataset) -> dict[str, Network]:
    module = _module()
    graph = import_module(module, images.images)
    smartdeal = compress(module, images.images, default_plan(graph, 0.3, CONFIG)).network
    masks = contestants._masks(module, images.images, 0.4)
    for path, mask in masks.items():
        weight = module.get_submodule(path).weight
        assert isinstance(weight, torch.Tensor)
        weight.data *= mask
    return {
        "smartdeal": smartdeal,
        "no_basis": compress(_module(), images.images, no_basis_plan(graph, 0.3)).network,
        "int8": compress(_module(), images.images, int8_plan()).network,
        "rows_int8": compress(module, images.images, int8_plan()).network,
        "rebuild": smartdeal,
    }


def test_results_of_all_five(networks: dict[str, Network], images: Dataset) -> None:
    results, programs, _ = compare(networks, images, CONFIG, rtl_images=0)
    assert tuple(result.name for result in results) == NAMES == tuple(programs)
    by_name = {result.name: result for result in results}
    dense = by_name["int8"]
    weights = [layer.convolution.weights for layer in networks["int8"].layers]
    pixels = (16, 16, 16, 1)
    macs = sum(w.weights.size * p for w, p in zip(weights, pixels, strict=True) if isinstance(w, Plain))
    assert {result.macs for result in results} == {dense.kept_macs} == {macs}
    assert by_name["rows_int8"].kept_macs < dense.kept_macs
    assert by_name["smartdeal"].accuracy == by_name["rebuild"].accuracy
    assert by_name["rebuild"].kept_macs >= by_name["smartdeal"].kept_macs
    assert all(result.rtl_images == 0 for result in results)


def test_matched_configurations_take_their_own_weights_only(
    networks: dict[str, Network], images: Dataset
) -> None:
    configs = matched(CONFIG)
    assert {configs[name].adders for name in NAMES} == {CONFIG.adders}
    layers = networks["smartdeal"].layers
    wrong = altered(layers[-1], weights=networks["int8"].layers[-1].convolution.weights)
    broken = replace(networks["smartdeal"], layers=(*layers[:-1], wrong))
    with pytest.raises(LightDealError, match="plain weights in arithmetic 'rebuild'"):
        compare(networks | {"rebuild": broken}, images, CONFIG, rtl_images=0)


def test_a_network_that_is_far_from_its_floats_is_told(networks: dict[str, Network], images: Dataset) -> None:
    """One layer of one network shifts a bit too few."""
    network = networks["no_basis"]
    layers = [altered(it, shift=it.requantise.shift - 1) if it.path == "1" else it for it in network.layers]
    broken = networks | {"no_basis": replace(network, layers=tuple(layers))}
    faults = {
        which: [
            fault
            for fault in compare(them, images, CONFIG, rtl_images=0)[2]
            if "stand for; first 1 (" in fault
        ]
        for which, them in (("right", networks), ("wrong", broken))
    }
    assert faults["right"] == []
    assert [fault.split(":")[0] for fault in faults["wrong"]] == ["no_basis"]


def test_a_miscompiled_network_ends_the_comparison(
    networks: dict[str, Network], images: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def miscompiled(network: Network, config: Config) -> Program:
        right = compile_network(network, config)
        return replace(right, filters=(right.filters[0] ^ 1 << 14, *right.filters[1:]))

    monkeypatch.setattr(arithmetics, "compile_network", miscompiled)
    with pytest.raises(LightDealError, match="arithmetic smartdeal: the golden machine differs from the ref"):
        compare(networks, images, CONFIG, rtl_images=0)


def test_masked_rows_are_whole(images: Dataset) -> None:
    for mask in contestants._masks(_module(), images.images, 0.4).values():
        rows = unfold(mask, ROWS)
        blocks = rows.reshape(-1, 2, *rows.shape[1:])
        kept = blocks.any(dim=3).any(dim=1)
        assert torch.equal(blocks.bool(), kept[:, None, :, None].expand(blocks.shape))
        assert np.isclose(kept.float().mean(), 0.4, atol=0.02)


def test_a_trained_network_is_kept(networks: dict[str, Network], tmp_path: Path) -> None:
    trained = []

    def job(_: object) -> Outcome:
        trained.append(1)
        return Outcome(0.5, None, networks["smartdeal"])

    first, second = (
        contestants.kept_job(tmp_path / "networks", "it", job, lambda _, __: None) for _ in range(2)
    )
    assert trained == [1]
    assert [layer.path for layer in first.layers] == [layer.path for layer in second.layers]
    dense = contestants.kept_job(
        tmp_path, "dense", lambda _: {"int8": Outcome(0.5, None, networks["int8"])}, lambda _, __: None
    )
    for layer, expected in zip(dense.layers, networks["int8"].layers, strict=True):
        assert isinstance(layer.convolution.weights, Plain)
        assert isinstance(expected.convolution.weights, Plain)
        assert (layer.convolution.weights.weights == expected.convolution.weights.weights).all()


def test_what_a_trained_network_depends_on_is_there() -> None:
    assert code(*contestants.TRAINER)
    with pytest.raises(ValueError, match="code: there is no 'golden/train'; legal: files and folders of the"):
        code("golden/train")
