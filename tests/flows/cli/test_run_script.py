"""`./run` in a checkout that cannot be written: what is wrong and what to do, before any installation."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.flows.places import NOBODY, ordinary_user

PARTS = ("run", "pyproject.toml", "constraints.txt")


def call(folder: Path, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """`./run` of a folder, called by a user who is not root."""
    user = NOBODY if os.getuid() == 0 else None
    return subprocess.run(
        [folder / "run", *arguments],
        user=user,
        cwd=cwd or folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def parts(repository: Path) -> dict[str, bytes]:
    """What set-up reads; read by whoever runs the tests, as others may not."""
    return {name: (repository / name).read_bytes() for name in PARTS}


def checkout(parts: dict[str, bytes], folder: Path) -> Path:
    """A folder with what set-up reads."""
    folder.mkdir()
    for name, data in parts.items():
        (folder / name).write_bytes(data)
    (folder / "run").chmod(0o755)
    return folder


@pytest.mark.parametrize("name", ["checkout", "my check'out"])
def test_a_read_only_checkout_is_to_be_copied(name: str, parts: dict[str, bytes]) -> None:
    with ordinary_user() as folder:
        place = checkout(parts, folder / name)
        place.chmod(0o555)
        done = call(place, "demo", "--seed", "2")
        quoted = {"checkout": f"{place}", "my check'out": f"'{folder}/my check'\\''out'"}[name]
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.splitlines() == [
            f"run: the set-up needs to write .venv and build in {quoted}, which cannot be written.",
            "run: copy the checkout to a place where you may write, and go on there, for example:",
            f"cp -r {quoted} ~/lightdeal && cd ~/lightdeal && ./run demo",
        ]
        assert sorted(it.name for it in place.iterdir()) == sorted(PARTS)


def test_a_checkout_that_is_set_up_runs_though_it_is_read_only(parts: dict[str, bytes]) -> None:
    """Verbs on the user's files start where the user is, the others in the checkout."""
    with ordinary_user() as folder:
        place = checkout(parts, folder / "checkout")
        tools = place / ".venv" / "bin"
        tools.mkdir(parents=True)
        for name, text in (("python", "#!/bin/sh\n"), ("lightdeal", '#!/bin/sh\necho "$PWD" "$@"\n')):
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        command = "{ pwd; cat pyproject.toml constraints.txt; } | sha256sum | cut -d ' ' -f 1"
        stamp = subprocess.run(["sh", "-c", command], cwd=place, capture_output=True, check=True).stdout
        (place / ".venv" / "lightdeal.stamp").write_bytes(stamp)
        place.chmod(0o555)
        for verb, where in (("compress", folder), ("run", folder), ("demo", place), ("report", place)):
            done = call(place, verb, "a b", cwd=folder)
            assert (done.returncode, done.stdout) == (0, f"{where} {verb} a b\n"), done.stderr
