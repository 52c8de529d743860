"""Verilog models of the cells of a Liberty library, without delays, made from their functions."""

import re

from flows.synth.liberty import Cell
from golden.spec.errors import LightDealError

_TOKEN = re.compile(r"\s*([A-Za-z_]\w*|[01]|[!'()*&+|^])")


def verilog_expression(function: str, where: str) -> str:
    """A Liberty function as a Verilog expression.

    `!` and the postfix `'` negate; `*`, `&` and a space are and; `+` and `|` are or; `^` is
    exclusive-or and binds closer than and. Raises LightDealError, naming `where`, for anything else.
    """
    text = function.strip().strip('"')
    tokens: list[str] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise LightDealError(f"{where}: function {function!r} cannot be understood at {text[at:]!r}")
        tokens.append(match[1])
        at = match.end()
    tokens.append("")
    place = 0

    def either() -> str:
        nonlocal place
        found = [both()]
        while tokens[place] in ("+", "|") and tokens[place]:
            place += 1
            found.append(both())
        return found[0] if len(found) == 1 else f"({' | '.join(found)})"

    def both() -> str:
        nonlocal place
        found = [differ()]
        while tokens[place] and tokens[place] not in "+|)":
            if tokens[place] in "*&":
                place += 1
            found.append(differ())
        return found[0] if len(found) == 1 else f"({' & '.join(found)})"

    def differ() -> str:
        nonlocal place
        found = [operand()]
        while tokens[place] == "^":
            place += 1
            found.append(operand())
        return found[0] if len(found) == 1 else f"({' ^ '.join(found)})"

    def operand() -> str:
        nonlocal place
        token = tokens[place]
        place += 1
        if token == "!":
            return f"(~{operand()})"
        if token == "(":
            inner = either()
            if tokens[place] != ")":
                raise LightDealError(f"{where}: function {function!r} lacks a closing parenthesis")
            place += 1
        elif token in ("0", "1"):
            inner = f"1'b{token}"
        elif token and (token[0].isalpha() or token[0] == "_"):
            inner = token
        else:
            raise LightDealError(f"{where}: function {function!r} has {token!r} where a pin must be")
        while tokens[place] == "'":
            place += 1
            inner = f"(~{inner})"
        return inner

    whole = either()
    if tokens[place]:
        raise LightDealError(f"{where}: function {function!r} goes on after its end: {tokens[place]!r}")
    return whole


def cell_model(cell: Cell) -> str:
    """A Verilog module of a cell. A flip-flop starts with a random bit: nothing may rely on it.

    Raises LightDealError for a latch or a three-state output, which no netlist of ours has.
    """
    where = f"cell {cell.name}"
    if cell.three_state or (cell.state is not None and not cell.is_flip_flop):
        raise LightDealError(f"{where}: latches and three-state outputs have no model here")
    lines = [f"module {cell.name}({', '.join([*cell.inputs, *cell.outputs])});"]
    lines += [f"  input {pin};" for pin in cell.inputs] + [f"  output {pin};" for pin in cell.outputs]
    if cell.state is not None:
        bit, inverse = cell.state.arguments
        given = cell.state.attributes

        def expression(name: str) -> str:
            return verilog_expression(given[name], where)

        edges = ["posedge clock"]
        forced = ""
        for name, value in (("clear", "1'b0"), ("preset", "1'b1")):
            if name in given:
                lines.append(f"  wire {name} = {expression(name)};")
                edges.append(f"posedge {name}")
                forced += f"if ({name}) {bit} <= {value}; else "
        lines += [
            f"  reg {bit};",
            f"  wire {inverse} = ~{bit};",
            f"  initial {bit} = $random;",
            f"  wire clock = {expression('clocked_on')};",
            f"  always @({' or '.join(edges)}) {forced}{bit} <= {expression('next_state')};",
        ]
    for pin, function in cell.outputs.items():
        lines.append(f"  assign {pin} = {verilog_expression(function, where)};")
    return "\n".join([*lines, "endmodule", ""])
