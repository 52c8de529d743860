"""When a stream pauses."""

import random


class Pauses:
    """Decides in which cycles a stream pauses: seeded, with a probability of 0…0.9."""

    def __init__(self, probability: float, seed: int) -> None:
        self.probability = probability
        self._random = random.Random(seed)

    def __call__(self) -> bool:
        return self.probability > 0 and self._random.random() < self.probability
