"""What of a network learns: docs/learning.md, section 12."""

from dataclasses import dataclass
from enum import StrEnum

from golden.learning.network import Network
from golden.spec.learning import LearningError


class Head(StrEnum):
    """What of the fully connected layer learns."""

    FROZEN = "frozen"
    BIAS = "bias"
    ALL = "all"


class Statistics(StrEnum):
    """What the norms normalise with."""

    BATCH = "batch"
    """The statistics of the batch; the running ones follow them."""
    RUNNING = "running"
    """The running ones, which stay: batches of one are legal."""


@dataclass(frozen=True)
class LayerScheme:
    """What of a layer learns.

    Parameters
    ----------
    channels: codes of the first so many channels of its input; 0: none.
    norm: gamma and beta.
    """

    channels: int = 0
    norm: bool = False

    @property
    def learns(self) -> bool:
        """Whether anything does."""
        return self.norm or self.channels > 0


@dataclass(frozen=True)
class Scheme:
    """What of a network learns.

    Parameters
    ----------
    layers: one entry a layer of the network.

    Raises LearningError where nothing learns, or there are fewer than no channels.
    """

    layers: tuple[LayerScheme, ...]
    head: Head = Head.ALL
    statistics: Statistics = Statistics.BATCH

    def __post_init__(self) -> None:
        for place, layer in enumerate(self.layers):
            if layer.channels < 0:
                raise LearningError(f"scheme: layer {place}: channels = {layer.channels}; legal: 0 or more")
        if self.head == Head.FROZEN and not any(layer.learns for layer in self.layers):
            raise LearningError("scheme: nothing learns; legal: the head, or something of a layer")

    def demand(self, network: Network) -> None:
        """Raises LearningError naming the layer where the scheme is not one of this network."""
        if len(self.layers) != len(network.layers):
            raise LearningError(f"scheme of {len(self.layers)} layers; the network has {len(network.layers)}")
        for layer, it in zip(network.layers, self.layers, strict=True):
            channels = network.shape(layer.source)[0]
            if it.channels > channels:
                raise LearningError(
                    f"scheme: layer {layer.name}: {it.channels} channels learn; legal: 0…{channels}, "
                    f"those of map {layer.source}"
                )

    @property
    def least(self) -> int:
        """Fewest images of a batch."""
        return 2 if self.statistics == Statistics.BATCH else 1

    def wanted(self, network: Network) -> tuple[bool, ...]:
        """For each map, the image's first: whether its error is wanted, by its layer or by one below."""
        found = [False]
        for layer, it in zip(network.layers, self.layers, strict=True):
            found.append(it.learns or found[layer.source] or (layer.add is not None and found[layer.add]))
        return tuple(found)


def everything(network: Network) -> Scheme:
    """All codes, gammas, betas and the head learn."""
    return last_blocks(network, len(network.layers))


def norms_only(network: Network) -> Scheme:
    """gamma, beta and the biases of the head learn."""
    return Scheme(tuple(LayerScheme(norm=True) for _ in network.layers), Head.BIAS)


def head_only(network: Network) -> Scheme:
    """The head learns."""
    return Scheme(tuple(LayerScheme() for _ in network.layers))


def blocks(network: Network) -> tuple[str, ...]:
    """The blocks in order: a layer's is its name without the last part; a name of one part is one."""
    return tuple(dict.fromkeys(_block(layer.name) for layer in network.layers))


def last_blocks(network: Network, count: int, share: float = 1.0) -> Scheme:
    """The last `count` blocks and the head learn; of codes those of `share` of the input channels.

    Raises LearningError for a share outside 0…1 or less than one block.
    """
    if count < 1 or not 0 < share <= 1:
        raise LearningError(
            f"scheme: last {count} blocks, share {share} of the channels; legal: at least 1, above 0, up to 1"
        )
    learn = blocks(network)[-count:]
    layers = []
    for layer in network.layers:
        channels = max(1, round(share * network.shape(layer.source)[0]))
        layers.append(LayerScheme(channels, norm=True) if _block(layer.name) in learn else LayerScheme())
    return Scheme(tuple(layers))


def _block(name: str) -> str:
    return name.rpartition(".")[0] or name
