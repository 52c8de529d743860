"""Which layer adds the other operand of an addition to its result."""

import torch.fx

from golden.frontend.standing import can_stand, stand
from golden.frontend.trace import Trace


class Additions:
    """The additions of a trace."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._depths: dict[torch.fx.Node, int] = {}

    def absorber(self, addition: torch.fx.Node) -> torch.fx.Node:
        """The convolution that adds the other operand to its result: that of the deeper branch.

        The shallower branch then runs before it, while the results that the deeper one waits for
        leave the array.
        """
        operands = [value for value in addition.args if isinstance(value, torch.fx.Node)]
        if len(operands) != 2 or operands[0] is operands[1] or addition.kwargs:
            found = f"the addition of {addition.args} {addition.kwargs or ''}".strip()
            raise self.trace.refuse(addition, found, "the addition of two different tensors")
        shapes = [value.meta.get("shape") for value in operands]
        if shapes[0] != shapes[1]:
            raise self.trace.refuse(
                addition, f"the addition of shapes {shapes[0]} and {shapes[1]}", "equal shapes"
            )
        candidates = []
        for node in operands:
            while self._before(node, addition) and len(node.users) == 1:
                node = node.args[0]  # type: ignore[assignment]
            if self.trace.is_product(node) and len(node.users) == 1:
                candidates.append(node)
        if not candidates and not (operands := [it for it in operands if can_stand(it)]):
            raise self.trace.refuse(
                addition,
                "the addition of features neither of which comes from a linear layer for it alone",
                "at least one operand that is a linear layer used nowhere else",
            )
        if not candidates:
            deeper = max(operands, key=self._depth)
            stand(self.trace.traced, addition, deeper)
            self.trace.refresh()
            return next(it for it in addition.all_input_nodes if it not in operands)
        return max(candidates, key=self._depth)

    def _before(self, node: torch.fx.Node, addition: torch.fx.Node) -> bool:
        """Whether a layer can do the operation of `node` and then the addition."""
        operation, joining = self.trace.meaning(node), self.trace.meaning(addition)
        if operation is None or joining is None:
            return False
        if operation.stage is None or joining.stage is None:
            return operation.anywhere
        return operation.stage < joining.stage

    def _depth(self, node: torch.fx.Node) -> int:
        """Layers on the longest path from the images to a node."""
        if node not in self._depths:
            self._depths[node] = self.trace.is_product(node) + max(
                (self._depth(n) for n in node.all_input_nodes), default=0
            )
        return self._depths[node]
