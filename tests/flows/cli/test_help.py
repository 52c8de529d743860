"""The help: groups by what one wants to do, exit codes, how long a verb takes; completion in the shell."""

import argparse
import subprocess

import pytest
import shtab

from flows.base.ending import CODES
from flows.cli import main
from flows.cli.commands import SHELLS
from flows.cli.verbs import SECTIONS, VERBS

QUICK = {
    *("layers", "compile", "verilog", "handoff"),
    *("doctor", "complete", "report readme", "report stale"),
}
"""Verbs that take seconds; all others say how long they take."""


def help_of(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What --help prints, without line ends."""
    assert main([*line.split(), "--help"]) == 0
    return " ".join(capsys.readouterr().out.split())


def test_verbs_are_grouped_by_what_one_wants(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    places = [text.index(f"\n  {section}:\n") for section in SECTIONS]
    assert places == sorted(places)
    for (section, verbs), start, end in zip(SECTIONS.items(), places, [*places[1:], len(text)], strict=True):
        for word in {verb.name.partition(" ")[0] for verb in verbs} - {"report", "learn", "lightnorm"}:
            assert f"\n    {word} " in text[start:end], (section, word)
    for word in {name.partition(" ")[0] for name in VERBS}:
        assert text.count(f"\n    {word} ") == 1


@pytest.mark.parametrize("line", ["", "demo", "learn", "lightnorm train"])
def test_exit_codes_are_in_every_help(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(line, capsys)
    for code, meaning in CODES.items():
        assert f"{code} {meaning}" in text


def test_every_long_verb_says_how_long_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert {name for name, verb in VERBS.items() if not verb.takes} == QUICK
    for name, verb in VERBS.items():
        text = help_of(name, capsys)
        assert " ".join(verb.help.split()) in text.replace("- ", "-")
        assert ("; takes " in text) == (name not in QUICK)


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_can_be_quiet_and_speak_json(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(name, capsys)
    assert "--quiet" in text
    assert "--json" in text


def test_shells_are_those_of_the_library() -> None:
    assert set(SHELLS) == set(shtab.SUPPORTED_SHELLS)


def test_bash_completes_verbs_options_and_choices(capsys: pytest.CaptureFixture[str]) -> None:
    """In a bash of its own, as a user's line editor asks it."""
    assert main(["complete", "bash"]) == 0
    script = capsys.readouterr().out
    asked = {
        "lightdeal comp": {"compile", "complete", "compress"},
        "lightdeal run --o": {"--on"},
        "lightdeal run --on i": {"icarus"},
        "lightdeal lightnorm tr": {"train"},
    }
    lines = [script]
    for line in asked:
        words = line.split()
        lines += [
            f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; COMP_LINE='{line}'; COMPREPLY=()",
            "_shtab_lightdeal; echo FOUND ${COMPREPLY[@]}",
        ]
    done = subprocess.run(["bash"], input="\n".join(lines), capture_output=True, text=True, check=True)
    found = [set(line.split()[1:]) for line in done.stdout.splitlines() if line.startswith("FOUND")]
    assert found == list(asked.values())


def test_a_shell_without_completion_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["complete", "csh"]) == 2
    assert "shell 'csh'; legal: bash, zsh" in capsys.readouterr().err


def test_argparse_is_as_it_was_known() -> None:
    """The grouped help stands on two methods that argparse does not promise."""
    assert hasattr(argparse.HelpFormatter, "_iter_indented_subactions")
    assert hasattr(argparse._SubParsersAction, "_get_subactions")
