"""How far a program's integers are from float networks, tensor by tensor; pure functions.

Two float networks travel with a network that `compress` made (`golden.compress.floats`). The
integers stand for the *compressed* one, so every tensor must lie near it, whatever compression and
re-training did: a wrong scale, shift, bias or channel shows there. The *user's own* one is what the
whole way began with: labels that change against it are what compression and rounding cost together.
"""

from golden.fidelity.measure import NO_FLOATS, NoReferenceError, distances, reference_network
from golden.fidelity.verdict import Bounds, Distances, TensorDistance

__all__ = [
    "NO_FLOATS",
    "Bounds",
    "Distances",
    "NoReferenceError",
    "TensorDistance",
    "distances",
    "reference_network",
]
