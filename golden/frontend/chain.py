"""What one layer takes in of a traced network."""

from collections.abc import Callable, Mapping, Set

import torch
import torch.fx

from golden.frontend.trace import Trace
from golden.graph.operations.floats import FloatOperation
from golden.graph.operations.operation import Operation
from golden.spec.errors import UnsupportedError


class Chain:
    """A product and the nodes that follow it without a fork, as far as one layer can hold them.

    Parameters
    ----------
    trace: of the network.  product: the node that the layer begins with.
    absorbs: product → the node that joins another tensor with what follows it.
    refused: nodes that no layer can take in.  refuse: notes one more, and why.

    Members
    -------
    nodes: from the product on.  other: what is joined with them, if something is.
    """

    def __init__(
        self,
        trace: Trace,
        product: torch.fx.Node,
        absorbs: Mapping[torch.fx.Node, torch.fx.Node],
        refused: Set[torch.fx.Node],
        refuse: Callable[[torch.fx.Node, UnsupportedError], None],
    ) -> None:
        self.trace = trace
        self.nodes = [product]
        self.other: torch.fx.Node | None = None
        self.taken: list[tuple[Operation, torch.fx.Node]] = []
        while (node := self._next()) is not None:
            operation = trace.meaning(node)
            if node in refused or operation is None or not self._follows(operation):
                return
            if operation.joins and absorbs.get(product) != node:
                return
            try:
                trace.check_shapes(node)
            except UnsupportedError as error:
                refuse(node, error)
                return
            if operation.joins:
                (self.other,) = set(node.all_input_nodes) - {self.nodes[-1]}
            if operation.stage is not None and operation not in [it for it, _ in self.taken]:
                self.taken.append((operation, node))
            self.nodes.append(node)

    def epilogue(self, residual: str | None) -> tuple[FloatOperation, ...]:
        """What follows the product; `residual` is the feature that is added."""
        others = () if residual is None else (residual,)
        modules = self.trace.modules
        return tuple(
            operation.imported(modules.get(str(node.target)), others)
            for operation, node in self.taken
            if operation.imported is not None
        )

    def _next(self) -> torch.fx.Node | None:
        users = [user for user in self.nodes[-1].users if not self.trace.is_size(user)]
        return users[0] if len(users) == 1 and users[0].op != "output" else None

    def _follows(self, operation: Operation) -> bool:
        """Whether an operation may come next: `Stage` after `Stage`, or again where that changes nothing."""
        if operation.anywhere:
            return True
        last = self.taken[-1][0] if self.taken else None
        if operation.stage is None or last is None or last.stage is None:
            return operation.stage is not None
        return operation.stage > last.stage or (operation is last and operation.again)
