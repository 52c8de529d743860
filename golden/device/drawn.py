"""How many random words a step draws from each generator, and so where they stand after some steps."""

from golden.learning.network import Network
from golden.learning.random import walk
from golden.learning.scheme import Head, Scheme
from golden.learning.state import State
from golden.numerics.lfsr import RandomWords
from golden.spec.learning import Generator, Lfsr


def drawn(network: Network, state: State, scheme: Scheme, images: int) -> dict[Generator, int]:
    """Words of each generator in a step of so many images; docs/learning.md, section 3."""
    found = dict.fromkeys(Generator, 0)
    wanted, array = scheme.wanted(network), network.array
    _, height, width = network.shape(len(network.layers))

    def words(index: int) -> int:
        """Of a generator, for a byte a value of map `index`."""
        values = images * height * width * network.degrees[index] ** 2
        return network.shape(index)[0] * values // array.lanes * array.random_words

    logits = images * network.classes
    found[Generator.SCALARS] += logits
    if wanted[-1] or scheme.head == Head.ALL:
        found[Generator.SCALARS] += logits
    if wanted[-1]:
        found[Generator.SCALARS] += images * network.features
    if scheme.head == Head.ALL:
        found[Generator.SCALARS] += network.classes * network.features
    if scheme.head != Head.FROZEN:
        found[Generator.SCALARS] += network.classes
    for index, (layer, learns) in enumerate(zip(network.layers, scheme.layers, strict=True)):
        down = wanted[layer.source]
        if learns.norm:
            found[Generator.SCALARS] += 2 * layer.filters
        if learns.channels or down:
            found[Generator.NORM] += words(index + 1)
        if down:
            found[Generator.ERRORS] += words(layer.source)
        if learns.channels:
            found[Generator.TERMS] += words(index + 1)
            mask = state.layers[index].mask.numpy().copy()
            mask[:, learns.channels :] = False
            found[Generator.CODES] += walk(mask, array).words
    return found


def advanced(network: Network, state: State, scheme: Scheme, images: int, steps: int) -> tuple[Lfsr, ...]:
    """The generators of a state after so many steps."""
    counts = drawn(network, state, scheme, images)
    found = []
    for generator in Generator:
        words = RandomWords(state.generators[generator])
        for _ in range(steps if counts[generator] else 0):
            words.take(counts[generator])
        found.append(words.state)
    return tuple(found)
