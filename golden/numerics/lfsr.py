"""The words of the device's LFSR, many at a time."""

import numpy as np
import numpy.typing as npt

from golden.spec.learning import LFSR_BITS, LFSR_WORD, Lfsr

UInt64 = npt.NDArray[np.uint64]


class RandomWords:
    """The sequence of `golden.spec.learning.Lfsr` from a state on; `state` is where it stands."""

    def __init__(self, state: Lfsr) -> None:
        self.state = state

    def take(self, count: int) -> UInt64:
        """The next `count` words, uint64 (count,).

        Squaring the polynomial doubles its lags: s[t] = s[t − 64·2^k] ⊕ s[t − 127·2^k]. From k = 6 on
        these are whole words, so 127 words by single steps give the rest in ever larger blocks.
        """
        words = np.empty(count, np.uint64)
        first = []
        # `Lfsr.step`, without a record for each word.
        mask = (1 << LFSR_WORD) - 1
        before, last = self.state.before, self.state.last
        for _ in range(min(count, LFSR_BITS)):
            before, last = last, last ^ (before >> 1 | last << LFSR_WORD - 1 & mask)
            first.append(last)
        words[: len(first)] = first
        filled, near, far = LFSR_BITS, LFSR_WORD, LFSR_BITS
        while filled < count:
            if filled >= 2 * far:
                near, far = 2 * near, 2 * far
            size = min(near, count - filled)
            np.bitwise_xor(
                words[filled - near : filled - near + size],
                words[filled - far : filled - far + size],
                out=words[filled : filled + size],
            )
            filled += size
        if count >= 2:
            self.state = Lfsr(int(words[-2]), int(words[-1]))
        else:
            self.state = Lfsr(before, last)
        return words
