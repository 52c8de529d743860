"""From a Network to a Program: `compile_network`, and the choice of folding: `choose_folding`."""

from golden.compiler.build import compile_network
from golden.compiler.folding import choose_folding

__all__ = ["choose_folding", "compile_network"]
