"""Names in emitted Verilog: plain, and reserved by no language (every top: tests.flows.cost.test_verb)."""

import pytest
from pygments.lexers.hdl import SystemVerilogLexer, VerilogLexer, VhdlLexer
from pygments.token import Keyword, Name

from hw.tops.names import SYSTEMVERILOG, VERILOG, VHDL, plain_names


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
    """amaranth#60, #867, pymtl3#86, OpenSTA#146: escaped and reserved names broke what came after."""
    assert plain_names(text) == plain
