"""Places that cannot be written, also where the tests run as root, whom permissions do not bind."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def ordinary_user() -> Iterator[Path]:
    """A folder of a user who is not root; root becomes that user inside the block."""
    folder = Path(tempfile.mkdtemp(prefix="lightdeal-test-"))
    root = os.geteuid() == 0
    if root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        for place in (folder, *(it for it in folder.rglob("*") if it.is_dir())):
            place.chmod(0o700)
        shutil.rmtree(folder)


def closed(folder: Path) -> Path:
    """A new folder in `folder` that nobody may write, with a file in it."""
    place = folder / "closed"
    place.mkdir()
    (place / "file").write_text("theirs")
    place.chmod(0o555)
    return place
