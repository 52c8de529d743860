"""A program of torch.export as a torch module."""

import logging
import operator
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.fx
from torch import nn
from torch.export import Dim, ExportedProgram, export, load

from golden.frontend.builder import Builder, NodeProblem, odd
from golden.frontend.exported.operators import OPERATORS, Call
from golden.frontend.foreign import ForeignFileError
from golden.frontend.modules import results
from golden.spec.errors import UnsupportedError

ANY_COUNT = 3
"""Images that a program for any number of them runs on while it is read."""

TOLERANCE = 1e-3
"""Largest difference of the first image's result, as a share of its largest value."""

_SILENT = ("_assert", "sym_constrain", "_guards")
"""How operators begin that only check sizes."""


def read_exported(path: Path, _: bytes) -> torch.fx.GraphModule:
    """The torch module of a .pt2 file, as torch.export.save writes it.

    Raises ForeignFileError if torch cannot load it, and what `module_of_program` does.
    """
    try:
        with _silent():
            program = load(path)
    except Exception as error:  # torch, zip and JSON raise almost anything on what another program wrote
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ForeignFileError(
            f"network {path}: damaged, or not what torch.export.save writes: {reason}"
        ) from error
    return module_of_program(program, path.name)


def module_of_program(program: ExportedProgram, name: str) -> torch.fx.GraphModule:
    """The torch module of an exported program; `name` is how errors call it.

    Raises UnsupportedError for its inputs and outputs; what is wrong with its nodes the importer tells.
    """
    return _Reader(program, name).module


def module_by_export(module: nn.Module, images: torch.Tensor) -> torch.fx.GraphModule | None:
    """The way that a module takes for images of one shape, of any number; None where torch.export knows none.

    Raises what `module_of_program` does.
    """
    with _silent():
        try:
            program = export(module, (images,), dynamic_shapes=({0: Dim.AUTO},))
        except Exception:  # torch has many for a forward that hangs on the data
            return None
    return module_of_program(program, type(module).__name__)


@contextmanager
def _silent() -> Iterator[None]:
    """Torch warns, and logs whole tracebacks of what it then raises."""
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(logging.NOTSET)


class _Reader:
    """Walks through the nodes once; `values` has what each is: a node of the module, or constants."""

    def __init__(self, program: ExportedProgram, name: str) -> None:
        self.program = program
        self.name = name
        signature = program.graph_signature
        images, count, self.sizes = self._images()
        self.builder = Builder(name, count)
        self.values: dict[torch.fx.Node, Any] = {}
        held = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        state = {**program.constants, **program.state_dict}
        for node in program.graph.nodes:
            if node is images:
                self.values[node] = self.builder.images(node.name, self.sizes)
            elif node.op == "placeholder":
                self.values[node] = state[held[node.name]].detach() if node.name in held else None
            elif node.op == "call_function":
                self.values[node] = self._value(node)
        self.module = self.builder.finish(self._outputs(), (), self._check)

    def _images(self) -> tuple[torch.fx.Node, int, list[int]]:
        """The program's only input, the number of images, and the sizes of one."""
        names = self.program.graph_signature.user_inputs
        nodes = [it for it in self.program.graph.nodes if it.op == "placeholder" and it.name in names]
        if len(nodes) != 1:
            raise UnsupportedError(f"{self.name}: {len(nodes)} inputs; supported: one tensor of images")
        value = nodes[0].meta.get("val")
        shape = tuple(getattr(value, "shape", ()))
        fixed = all(isinstance(it, int) for it in shape[1:])
        if len(shape) not in (2, 3, 4) or not fixed or getattr(value, "dtype", None) != torch.float32:
            found = f"{getattr(value, 'dtype', type(value).__name__)} of shape {shape}"
            raise UnsupportedError(
                f"{self.name}: input {nodes[0].name!r}: {found}; supported: torch.float32, (images, "
                "channels, height, width), (images, channels, length) or (images, features), fixed sizes, "
                "but for the number of images"
            )
        return nodes[0], shape[0] if isinstance(shape[0], int) else ANY_COUNT, list(shape[1:])

    def _outputs(self) -> list[torch.fx.Node]:
        results = next(iter(reversed(self.program.graph.nodes))).args[0]
        names = self.program.graph_signature.user_outputs
        given = [self.values.get(it) for it in results if getattr(it, "name", it) in names]
        found = [it for it in given if isinstance(it, torch.fx.Node)]
        if not found or len(found) != len(given):
            raise UnsupportedError(
                f"{self.name}: outputs {', '.join(map(str, names)) or 'of nothing'}; supported: tensors that "
                "follow from the images"
            )
        return found

    def _value(self, node: torch.fx.Node) -> Any:
        """What a node gives: a node of the module, constants, sizes, or nothing."""
        given: Any = torch.fx.node.map_arg((node.args, node.kwargs), self.values.__getitem__)
        args, named = given
        target: Any = node.target
        said = str(getattr(target, "__name__", target)).partition(".")[0]
        if said == "sym_size":
            return self.builder.shape(args[0])[args[1]]
        if target is operator.getitem:
            return args[0] if isinstance(args[0], torch.fx.Node) else args[0][args[1]]
        if said.startswith(_SILENT):
            return None
        if not any(isinstance(it, torch.fx.Node) for it in _leaves((args, named))):
            with torch.no_grad():
                return target(*args, **named)
        path, said = self._names(node, said)
        inputs = [it for it in _leaves((args, named)) if isinstance(it, torch.fx.Node)]
        own = str(getattr(target, "__name__", target)).partition(".")[0]
        make = OPERATORS.get(own.removesuffix("_"))
        try:
            if make is None:
                raise NodeProblem(f"found {own}")
            made = make(Call(self.builder, path, said), *args, **named)
        except NodeProblem as problem:
            return self._refused(node, path, problem, inputs)
        except Exception as error:  # called in a way that is not known here
            return self._refused(node, path, odd(own, error), inputs)
        return made

    def _refused(
        self, node: torch.fx.Node, path: str, problem: NodeProblem, inputs: list[torch.fx.Node]
    ) -> torch.fx.Node:
        value = node.meta.get("val")
        value = value[0] if isinstance(value, tuple | list) else value
        shape = [it if isinstance(it, int) else self.builder.count for it in getattr(value, "shape", (1,))]
        return self.builder.refused(path, problem, shape, *inputs[:1])

    def _names(self, node: torch.fx.Node, said: str) -> tuple[str, str]:
        """(path, what it is called): of the layer that a node was, or of the node."""
        stack = list(node.meta.get("nn_module_stack", {}).values())
        if stack:
            path, kind = stack[-1]
            kind = str(kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}")
            if path and kind.startswith("torch.nn.modules."):
                return str(path), kind.rpartition(".")[2]
        return node.name, said

    def _check(self, module: torch.fx.GraphModule, image: torch.Tensor) -> None:
        """Raises UnsupportedError if the program itself gives something else for an image."""
        with torch.no_grad():
            given = image.expand(self.builder.count, *image.shape[1:]).contiguous()
            given = given.reshape(-1, *self.sizes)
            with warnings.catch_warnings(action="ignore"):
                wanted = results(self.program.module()(given))
            found = results(module(image))
        for one, other in zip(found, wanted, strict=True):
            expected = other[:1]
            difference = float((one.reshape(expected.shape) - expected).abs().max())
            if not difference <= TOLERANCE * float(expected.abs().max()) + 1e-6:
                raise UnsupportedError(
                    f"{self.name}: on the first image the program gives other values than this reading of "
                    f"it, by {difference:.3g}; supported: torch's operators with their usual arguments"
                )


def _leaves(value: Any) -> list[Any]:
    """What stands in nested tuples, lists and dictionaries."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        return [leaf for it in value for leaf in _leaves(it)]
    return [value]
