"""How the command line ends: in one line and with its exit code, whatever happens; never with a traceback."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.base.ending import exit_code
from flows.base.files import UnwrittenError
from golden.spec.errors import ErrorCode, LightDealError, MachineError

LIGHTDEAL = Path(sys.executable).with_name("lightdeal")
NETWORK = """
import torch
def factory():
    torch.manual_seed(1)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 3, padding=1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(), torch.nn.Linear(6, 10),
    )
"""


def raising(error: BaseException) -> int:
    raise error


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (LightDealError("layer x: no\nsuch thing"), 2, "lightdeal: layer x: no such thing\n"),
        (UnwrittenError("x: kept in y"), 2, "lightdeal: x: kept in y\n"),
        (MachineError(ErrorCode.MAGIC, "no"), 2, "lightdeal: MAGIC: no\n"),
        (OSError(28, "No space left on device", "a b"), 2, "lightdeal: a b: No space left on device\n"),
        (OSError(5, "Input/output error"), 2, "lightdeal: standard output, or a file: Input/output error\n"),
        (MemoryError(), 2, "lightdeal: out of memory: the system gives no more\n"),
        (KeyboardInterrupt(), 130, "lightdeal: interrupted\n"),
        (BrokenPipeError(), 141, ""),
    ],
)
def test_each_error_has_its_code_and_one_line(
    error: BaseException,
    code: int,
    said: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("flows.base.ending._drop_output", lambda: None)  # of this very process
    assert exit_code(lambda: raising(error)) == code
    assert capfd.readouterr() == ("", said)


def test_a_fault_is_one_line_and_all_of_it_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    error = RuntimeError("one\ntwo")
    error.add_note("what is finished stays in x.partial")
    assert exit_code(lambda: raising(error)) == 3
    said = capsys.readouterr().err
    found = re.fullmatch(
        r"lightdeal: a fault of LightDeal itself, at \S+test_ending\.py:\d+: RuntimeError: one two; what is "
        r"finished stays in x\.partial; please report it with (\S+lightdeal-fault-\w+\.txt)\n",
        said,
    )
    assert found is not None
    report = Path(found[1])
    assert "Traceback" in report.read_text()
    assert "one\ntwo" in report.read_text()
    report.unlink()


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120, **options)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "command", [[str(LIGHTDEAL)], [sys.executable, "-m", "flows"], [sys.executable, "-m", "flows.cli"]]
)
def test_every_way_to_call_it_is_the_same(command: list[str]) -> None:
    shown = run(*command, "--help")
    assert shown.returncode == 0
    assert shown.stdout.startswith("usage: lightdeal ")
    wrong = run(*command, "verilog", "--config", "none.toml", "--out", "/tmp/x.v")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("lightdeal: configuration 'none.toml' is neither a preset")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_goes_nowhere_is_no_traceback(unbuffered: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        done = subprocess.run([LIGHTDEAL, "--help"], stdout=closed, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (141, b"")
    with open("/dev/full", "w") as full:
        done = subprocess.run([LIGHTDEAL, "--help"], stdout=full, stderr=subprocess.PIPE, check=False)
    said = b"lightdeal: standard output, or a file: No space left on device\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_a_terminal_without_the_characters_of_the_texts() -> None:
    done = run(str(LIGHTDEAL), "table", "--seeds", "0", env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 2
    assert done.stderr.endswith("'0'; legal: a whole number, 1?1,000\n")


@pytest.mark.parametrize(
    ("arguments", "begun"),
    [
        (["compress", "net.py:factory", "--data", "digits", "--epochs", "100000"], "· compression"),
        pytest.param(["accuracy", "--seeds", "2"], "· 2 seeds", marks=pytest.mark.long),
    ],
)
def test_an_interrupt_leaves_nothing_half_written_and_no_traceback(
    arguments: list[str], begun: str, tmp_path: Path
) -> None:
    """Of the whole group, as a terminal sends it: while processes of jobs are starting, too."""
    (tmp_path / "net.py").write_text(NETWORK)
    place = tmp_path / "results" / "it"
    process = subprocess.Popen(
        [LIGHTDEAL, *arguments, "--out", place],
        cwd=tmp_path,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stderr is not None
    lines = []
    try:
        for line in process.stderr:
            lines.append(line)
            if line.startswith(begun):
                break
        time.sleep(1)
        os.killpg(process.pid, signal.SIGINT)
        out, rest = process.communicate(timeout=60)
    finally:
        process.kill()  # where the test fails; else it has ended
    assert process.returncode == 130, "".join(lines) + rest
    assert out == ""
    assert rest.splitlines()[-1] == "lightdeal: interrupted"
    assert "Traceback" not in rest
    # A fast machine has kept a whole epoch by then, from which the next call goes on.
    left = {str(it.relative_to(tmp_path)) for it in tmp_path.rglob("*") if not it.is_dir()}
    assert left - {"results/it.training"} == {"net.py"}
    assert (tmp_path / "results").exists() == ("results/it.training" in left)
