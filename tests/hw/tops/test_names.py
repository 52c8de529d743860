"""Names in emitted Verilog: plain in every top, and reserved by no language."""

import re

import pytest
from pygments.lexers.hdl import SystemVerilogLexer, VerilogLexer, VhdlLexer
from pygments.token import Keyword, Name

from flows.base.units import UNITS, make_unit
from golden.spec.config import TINY
from hw.tops.names import SYSTEMVERILOG, VERILOG, VHDL, plain_names, reserved
from hw.tops.verilog import component_verilog

LARGE = {"accelerator", "lightnorm", "batchnorm-fp32"}
"""Units that are inside `normed`, or as another one but for the width of a number."""


@pytest.mark.parametrize("unit", sorted(UNITS.keys() - LARGE))
def test_names_of_every_top_are_plain(unit: str) -> None:
    text = component_verilog(make_unit(unit, TINY), "top")
    assert "\\" not in text
    bare = re.sub(r'"[^"]*"|//.*|/\*.*?\*/|\(\*(?!\)).*?\*\)', "", text)
    declared = set(
        re.findall(
            r"\b(?:module|reg|wire|input|output)\s+(?:signed\s+)?(?:\[[^]]*\]\s*)?([A-Za-z_]\w*)", bare
        )
    )
    assert declared, "no names: is this Verilog?"
    assert not {name for name in declared if reserved(name)}
    assert not {word for word in re.findall(r"[A-Za-z_]\w*", bare) if reserved(word)} - VERILOG


@pytest.mark.parametrize(
    ("lexer", "words"),
    [
        (VerilogLexer, VERILOG | SYSTEMVERILOG),
        (SystemVerilogLexer, SYSTEMVERILOG | VERILOG),
        (VhdlLexer, VHDL),
    ],
)
def test_the_lists_are_those_that_others_know(lexer: type, words: frozenset[str]) -> None:
    """Every word that Pygments takes for a keyword, tried with all words of the three languages."""
    for word in VERILOG | SYSTEMVERILOG | VHDL:
        (kind, _), *_ = lexer(ensurenl=False).get_tokens(word)
        if kind in Keyword and kind is not Keyword.Type and kind not in Name:
            assert word in words, (lexer.__name__, word)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("wire a;", "wire a;"),
        (r"wire \a.b ;", "wire a_b ;"),
        (r"wire \a.b , a_b;", "wire a_b_1 , a_b;"),
        (r"wire \a.b , \a:b , \a.b ;", "wire a_b , a_b_1 , a_b ;"),
        (r"wire \reg ;", "wire reg_1 ;"),
        (r"wire \$1 ;", "wire n1 ;"),
        (r"wire \$ ;", "wire unnamed ;"),
        ("wire bit, signal, Buffer;", "wire bit_1, signal_1, Buffer_1;"),
        ("reg always_ff; always @(*) begin end", "reg always_ff_1; always @(*) begin end"),
        ('(* src = "bit" *) wire x; // bit\n', '(* src = "bit" *) wire x; // bit\n'),
    ],
)
def test_a_name_becomes_plain(text: str, plain: str) -> None:
    assert plain_names(text) == plain
