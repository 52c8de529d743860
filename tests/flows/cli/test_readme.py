"""The README: its commands, options and files exist."""

import re
from pathlib import Path

from flows.cli.parser import make_parser
from flows.cli.verbs import VERBS

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()

WORDS = {name.split()[0] for name in VERBS}


def test_every_command_exists() -> None:
    script = (ROOT / "run").read_text()
    verbs = set(re.findall(r"\./run ([a-z]\w*)", README))
    assert verbs >= {"demo", "test", "compress", "compile", "run", "verilog"}
    for verb in verbs - WORDS:
        assert f"\n{verb})\n" in script, verb


def test_every_option_exists() -> None:
    for line in re.findall(r"^ {4}\./run (.*)$", README, re.MULTILINE):
        words = line.partition("#")[0].split()
        if words[0] in WORDS:
            assert make_parser().parse_args(words)


def test_every_file_exists() -> None:
    for name in re.findall(r"\]\(([\w/.]+)\)|`((?:docs|golden|hw|sim|flows|tests)/[\w/.]*)`", README):
        path = ROOT / (name[0] or name[1])
        assert path.exists(), path
