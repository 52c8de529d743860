"""Several processes for one training, as PyTorch's `torchrun` starts them.

They share the products of a batch, image by image; everything else each of them does alike, random numbers
too. As all sums are exact, each ends with the bits of one process alone.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import distributed

Product = Callable[..., torch.Tensor]
"""Of tensors whose first dimension is the image."""


def speaks() -> bool:
    """Whether this is the process that speaks and writes: the first, or the only one."""
    return int(os.environ.get("RANK", "0")) == 0


@contextmanager
def joined() -> Iterator[None]:
    """Within it processes that `torchrun` started share products: all must ask for the same ones."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    distributed.init_process_group("gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def count() -> int:
    """Processes that share the products."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def each_image(product: Product, *batch: torch.Tensor) -> torch.Tensor:
    """A product that keeps the images apart: this process's share of them, and the results of all."""
    if count() == 1:
        return product(*batch)
    images = len(batch[0])
    share = -(-images // count())
    # Every process has equally many; those behind the last image are zeros.
    own = product(*(_share(it, share) for it in batch)).contiguous()
    found = own.new_empty((count() * share, *own.shape[1:]))
    distributed.all_gather([*found.chunk(count())], own)
    return found[:images]


def over_images(product: Product, *batch: torch.Tensor) -> torch.Tensor:
    """A product that adds up over the images."""
    if count() == 1:
        return product(*batch)
    share = -(-len(batch[0]) // count())
    found = product(*(_share(it, share) for it in batch)).contiguous()
    distributed.all_reduce(found)
    return found


def _share(it: torch.Tensor, share: int) -> torch.Tensor:
    part = it[distributed.get_rank() * share :][:share]
    missing = part.new_zeros((share - len(part), *part.shape[1:]))
    return torch.cat((part, missing))
