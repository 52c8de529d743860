"""Black boxes of the machine's own memories, whose reads during a write may give anything."""

from pathlib import Path

from flows.synth.netlist import synthesise
from golden.spec.config import TINY
from hw.engine.stream import CoefficientStream


def test_memories_of_the_stream_are_boxes_on_an_fpga(tmp_path: Path) -> None:
    boxed = synthesise(CoefficientStream(TINY, 0), "stream", "ecp5", macros=True, out=tmp_path)
    assert [(macro.words, macro.bits) for macro in boxed.macros] == [(TINY.coefficient_words, 18)]
    assert boxed.area.block_rams == 0
    bodies = (boxed.folder / "memories.v").read_text()
    assert f"module {boxed.macros[0].kind}(" in bodies
