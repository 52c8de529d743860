"""Names in emitted Verilog: plain, and reserved by none of the languages that may name them."""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


VERILOG = _words(
    """
    always and assign automatic begin buf bufif0 bufif1 case casex casez cell cmos config deassign
    default defparam design disable edge else end endcase endconfig endfunction endgenerate endmodule
    endprimitive endspecify endtable endtask event for force forever fork function generate genvar
    highz0 highz1 if ifnone incdir include initial inout input instance integer join large liblist
    library localparam macromodule medium module nand negedge nmos nor noshowcancelled not notif0 notif1
    or output parameter pmos posedge primitive pull0 pull1 pulldown pullup pulsestyle_ondetect
    pulsestyle_onevent rcmos real realtime reg release repeat rnmos rpmos rtran rtranif0 rtranif1
    scalared showcancelled signed small specify specparam strong0 strong1 supply0 supply1 table task
    time tran tranif0 tranif1 tri tri0 tri1 triand trior trireg unsigned use uwire vectored wait wand
    weak0 weak1 while wire wor xnor xor
    """
)
"""IEEE 1364-2005, annex B."""

SYSTEMVERILOG = _words(
    """
    accept_on alias always_comb always_ff always_latch assert assume before bind bins binsof bit break
    byte chandle checker class clocking const constraint context continue cover covergroup coverpoint
    cross dist do endchecker endclass endclocking endgroup endinterface endpackage endprogram
    endproperty endsequence enum eventually expect export extends extern final first_match foreach
    forkjoin global iff ignore_bins illegal_bins implements implies import inside int interconnect
    interface intersect join_any join_none let local logic longint matches modport nettype new nexttime
    null package packed priority program property protected pure rand randc randcase randsequence ref
    reject_on restrict return s_always s_eventually s_nexttime s_until s_until_with sequence shortint
    shortreal soft solve static string strong struct super sync_accept_on sync_reject_on tagged this
    throughout timeprecision timeunit type typedef union unique unique0 until until_with untyped var
    virtual void wait_order weak wildcard with within
    """
)
"""What IEEE 1800-2017, annex B, adds."""

VHDL = _words(
    """
    abs access after alias all and architecture array assert assume assume_guarantee attribute begin
    block body buffer bus case component configuration constant context cover default disconnect downto
    else elsif end entity exit fairness file for force function generate generic group guarded if impure
    in inertial inout is label library linkage literal loop map mod nand new next nor not null of on
    open or others out package parameter port postponed private procedure process property protected
    pure range record register reject release rem report restrict restrict_guarantee return rol ror
    select sequence severity shared signal sla sll sra srl strong subtype then to transport type
    unaffected units until use variable view vmode vpkg vprop vunit wait when while with xnor xor
    """
)
"""IEEE 1076-2019, 15.10; in any case."""

_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/|\(\*(?!\)).*?\*\)|\\\S+[ \t\n]|[A-Za-z_$][\w$]*', re.DOTALL
)
"""Strings, comments and attributes, which stay; names that are escaped, up to their space; words."""


def reserved(word: str) -> bool:
    """Whether Verilog, SystemVerilog or VHDL reserves a word."""
    return word in VERILOG or word in SYSTEMVERILOG or word.lower() in VHDL


def plain_names(text: str) -> str:
    """Verilog-2005 whose escaped names are plain ones, and whose names are no reserved words.

    What no name can hold becomes "_"; a name that is reserved, or taken already, gets an ending. The same
    name becomes the same everywhere, so hierarchy and ports agree; a name that is plain and free stays.
    """
    words = set(re.findall(r"[A-Za-z_][\w$]*", text))
    given: dict[str, str] = {}

    def free(old: str) -> str:
        if old not in given:
            stem = re.sub(r"\W+", "_", old.lstrip("\\")).strip("_") or "unnamed"
            if stem[0].isdigit():
                stem = f"n{stem}"
            name, number = stem, 1
            while reserved(name) or name in words:
                name, number = f"{stem}_{number}", number + 1
            words.add(name)
            given[old] = name
        return given[old]

    def renamed(found: re.Match[str]) -> str:
        it = found[0]
        if it[0] == "\\":
            return free(it[:-1]) + it[-1]
        # Yosys writes Verilog-2005, where the words of the other languages are names.
        if it[0].isalpha() and it not in VERILOG and reserved(it):
            return free(it)
        return it

    return _TOKEN.sub(renamed, text)
