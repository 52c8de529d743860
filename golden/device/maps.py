"""The tensors of a step, when they live, and where they lie."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from golden.compiler.placement import Life, place_within
from golden.device.ahead import Step
from golden.learning.network import Network
from golden.learning.scheme import Scheme
from golden.spec.config import Config
from golden.spec.frames import NUMBER_BYTES, REQUEST_BYTES, Result
from golden.spec.tensor import Tensor


@dataclass(frozen=True)
class Moments:
    """When the commands of a step are carried out, from 0 on.

    Parameters
    ----------
    steps: of the way forward.  groups: `back_groups`.
    """

    steps: tuple[Step, ...]
    groups: tuple[tuple[int, ...], ...]

    def forward(self, layer: int) -> tuple[int, int]:
        """The array's forward pass: its first moment, its last."""
        found = [at for at, it in enumerate(self.steps) if it.array and it.array.layer == layer]
        return found[0], found[-1]

    def normed(self, layer: int) -> tuple[int, int]:
        """The norm's forward pass, likewise."""
        found = [at for at, it in enumerate(self.steps) if it.norm and it.norm.layer == layer]
        return found[0], found[-1]

    @property
    def update(self) -> int:
        """Codes move; the result is written."""
        return self.gradient(0) + 1

    @property
    def head(self) -> int:
        """The head: between the last forward pass and the first backward one."""
        return len(self.steps)

    def _group(self, layer: int) -> int:
        return next(at for at, group in enumerate(self.groups) if layer in group)

    def _back(self, group: int) -> int:
        """A group has a moment for its norms, and one for each error pass."""
        return self.head + 1 + sum(1 + len(it) for it in self.groups[:group])

    def norm_error(self, layer: int) -> int:
        """The norm's backward pass."""
        return self._back(self._group(layer))

    def error(self, layer: int) -> int:
        """The error pass."""
        group = self._group(layer)
        return self._back(group) + 1 + self.groups[group].index(layer)

    def gradient(self, layer: int) -> int:
        """The gradient pass, beside the norms' backward passes of the next group."""
        return self._back(self._group(layer) + 1)


@dataclass(frozen=True)
class Maps:
    """The tensors of a step for a batch; a batch is a tall map, its images one below the other.

    Parameters
    ----------
    values: of each map, the image first.  sums: of each layer, in blocks.
    errors: of each map whose error is wanted; the image has none; a map that is only added has that of the
        layer that adds it.
    outputs: errors at each layer's convolution, where they are.
    request: behind the image, so that one frame brings both.  result: what the host gets of a step.
    """

    values: tuple[Tensor, ...]
    sums: tuple[Tensor, ...]
    errors: tuple[Tensor | None, ...]
    outputs: tuple[Tensor | None, ...]
    request: Tensor
    result: Tensor


def back_groups(network: Network) -> tuple[tuple[int, ...], ...]:
    """The layers in the order of the way back, in groups: no norm needs what an error pass of its group
    writes. So the norms of a group can all run beside the gradient passes of the group before.
    """
    groups: list[list[int]] = []
    for index in reversed(range(len(network.layers))):
        owner = error_owner(network, index + 1)
        if not groups or any(network.layers[other].source == owner for other in groups[-1]):
            groups.append([])
        groups[-1].append(index)
    return tuple(tuple(group) for group in groups)


def error_owner(network: Network, index: int) -> int:
    """The map whose error tensor map `index` has: its own, or that of the layer that only adds it."""
    adder = network.adder(index)
    return index if network.readers(index) or adder is None else error_owner(network, adder + 1)


def plan_maps(network: Network, scheme: Scheme, images: int, config: Config, steps: tuple[Step, ...]) -> Maps:
    """Places for all tensors, largest first; steps: of the way forward.

    Raises CapacityError where the feature memory is too small.
    """
    count = len(network.layers)
    moments = Moments(steps, back_groups(network))
    tensors: dict[str, Tensor] = {}
    lives: list[Life] = []

    def add(name: str, shape: tuple[int, int, int], degree: int, first: int, last: int) -> None:
        channels, height, width = shape
        tall = (channels, images * height, width)
        words = images * height * width // config.lanes
        tensors[name] = Tensor(name, tall, (degree, degree), width // degree, 0, words, 1.0)
        lives.append(Life(name, channels * words, first, last))

    for name, shape, degree, first, last in _lives(network, scheme, moments):
        add(name, shape, degree, first, last)
    # Whole words of bytes: the request stands behind the images.
    image = next(it for it in lives if it.name == "map 0")
    request = -(-(REQUEST_BYTES + images) // config.lanes)
    lives[lives.index(image)] = replace(image, size=image.size + request)
    result = len(Result) * NUMBER_BYTES // config.lanes
    lives.append(Life("result", result, moments.update, moments.update))
    places = dict(place_within(lives, config.feature_words).addresses)
    places["request"] = places["map 0"] + image.size
    for name, words in (("request", request), ("result", result)):
        tensors[name] = Tensor(name, (words, 1, config.lanes), (1, 1), config.lanes, 0, 1, 1.0)
    found = {name: replace(it, address=places[name]) for name, it in tensors.items()}
    errors = (found.get(f"error {error_owner(network, index)}") for index in range(1, count + 1))
    return Maps(
        values=tuple(found[f"map {index}"] for index in range(count + 1)),
        sums=tuple(found[f"sums {index}"] for index in range(count)),
        errors=(None, *errors),
        outputs=tuple(found.get(f"output {index}") for index in range(count)),
        request=found["request"],
        result=found["result"],
    )


def _lives(
    network: Network, scheme: Scheme, moments: Moments
) -> Iterator[tuple[str, tuple[int, int, int], int, int, int]]:
    """(name, shape of one image, degree, first and last moment) of every tensor that there is."""
    count = len(network.layers)
    degrees, wanted = network.degrees, scheme.wanted(network)
    active = [
        it.learns or wanted[layer.source] for layer, it in zip(network.layers, scheme.layers, strict=True)
    ]
    for index in range(count + 1):
        shape, degree = network.shape(index), degrees[index]
        readers, adder = network.readers(index), network.adder(index)
        ends = [moments.head] if index == count else []
        ends += [moments.gradient(k) if scheme.layers[k].channels else moments.forward(k)[1] for k in readers]
        if index and readers and wanted[index]:
            # The last error pass looks where errors pass.
            ends.append(moments.error(readers[0]))
        if adder is not None:
            ends.append(moments.normed(adder)[1])
        begins = moments.normed(index - 1)[0] if index else 0
        yield f"map {index}", shape, degree, begins, max(ends)
        if not wanted[index] or error_owner(network, index) != index:
            continue
        born = moments.head if index == count else moments.error(readers[-1])
        uses = [born]
        for other in range(1, index + 1):
            # Maps that this one's layer adds take its error, as their own or as an addend.
            if active[other - 1] and error_owner(network, other) == index:
                uses.append(moments.norm_error(other - 1))
            added = network.layers[other - 1].add
            if added is not None and wanted[added] and error_owner(network, other) == index:
                uses += [moments.error(k) for k in network.readers(added)[-1:]]
        yield f"error {index}", shape, degree, born, max(uses)
    for index, layer in enumerate(network.layers):
        shape, degree = network.shape(index + 1), degrees[index + 1]
        last = moments.norm_error(index) if active[index] else moments.normed(index)[1]
        yield f"sums {index}", shape, degree, moments.forward(index)[0], last
        down = wanted[layer.source]
        if down or scheme.layers[index].channels:
            # Both passes read it, the gradient pass later, beside norms of layers below.
            last = moments.gradient(index) if scheme.layers[index].channels else moments.error(index)
            yield f"output {index}", shape, degree, moments.norm_error(index), last
