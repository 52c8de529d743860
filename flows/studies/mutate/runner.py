"""Planted bugs against the tests that must see them, several at a time; what was run is kept."""

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from flows.base.files import write_whole
from flows.base.progress import say
from flows.studies.mutate.mutants import Mutant, MutantError, planted
from flows.studies.mutate.scratch import COPIED, FAILED, PASSED, TIMED_OUT, Outcome, Scratch

KILLED, SLOW, SURVIVED, STALE, BROKEN = (
    "killed",
    "killed by the time limit",
    "survived",
    "does not apply",
    "cannot be judged",
)
"""Verdicts. STALE: the text to replace is not there once. BROKEN: no test failed, but pytest did, as where
a file cannot be imported any more: the bug shows without tests."""

_PATIENCE, _FACTOR = 60.0, 10
"""Seconds, and multiples of what its tests take without it, after which a bug counts as a hang."""

_BASE_LIMIT = 1800.0
"""Seconds that the tests of a bug may take without it."""


@dataclass(frozen=True)
class Verdict:
    """What became of a bug.

    Parameters
    ----------
    title: of the mutant.
    verdict: one of the verdicts above.
    by: the first test that failed, or why there is none.
    seconds: wall-clock time of its tests.
    """

    title: str
    verdict: str
    by: str
    seconds: float


class Runner:
    """Workers with a copy of the repository each, and the results that are kept."""

    def __init__(self, root: Path, out: Path, workers: int) -> None:
        self._kept = out / "kept"
        self._copies = [Scratch(root, out / f"worker{number}") for number in range(workers)]
        first = self._copies[0].folder
        self._tree = _digest(first, [path for name in COPIED for path in _files(first / name)])
        self._free: SimpleQueue[Scratch] = SimpleQueue()
        for copy in self._copies:
            self._free.put(copy)
        self._pool = ThreadPoolExecutor(workers)
        self._stopped = threading.Event()

    def __enter__(self) -> "Runner":
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for copy in self._copies:
            copy.stop()
        self._pool.shutdown(cancel_futures=True)

    def baseline(self, mutants: Sequence[Mutant]) -> dict[tuple[str, ...], float]:
        """Seconds of each group of tests without a bug. Raises MutantError if one fails."""
        groups = list(dict.fromkeys(mutant.tests for mutant in mutants))
        seconds = {}

        def run(number: int, copy: Scratch) -> Outcome:
            key = _key("unmutated", self._tree, *groups[number])
            return self._remember(key, (PASSED,), lambda: copy.test(groups[number], _BASE_LIMIT))

        for done, (number, outcome) in enumerate(self._each(len(groups), run), 1):
            what = " ".join(groups[number])
            if outcome.code != PASSED:
                say(outcome.output)
                raise MutantError(f"tests fail without any planted bug: {what}; pytest says why above")
            say(f"{done}/{len(groups)} without a bug, {outcome.seconds:.1f} s: {what}")
            seconds[groups[number]] = outcome.seconds
        return seconds

    def judge(self, mutants: Sequence[Mutant], seconds: dict[tuple[str, ...], float]) -> list[Verdict]:
        """The verdict of each mutant, in order."""
        verdicts: dict[int, Verdict] = {}

        def run(number: int, copy: Scratch) -> Verdict:
            mutant = mutants[number]
            return self._judge(mutant, copy, _PATIENCE + _FACTOR * seconds[mutant.tests])

        for done, (number, verdict) in enumerate(self._each(len(mutants), run), 1):
            say(f"{done}/{len(mutants)} {verdict.title}: {verdict.verdict}, {verdict.seconds:.1f} s")
            verdicts[number] = verdict
        return [verdicts[number] for number in range(len(mutants))]

    def _judge(self, mutant: Mutant, copy: Scratch, limit: float) -> Verdict:
        try:
            text = (copy.folder / mutant.file).read_text()
            planted(mutant, text)
        except OSError as error:
            return Verdict(mutant.title, STALE, f"{mutant.file}: {error.strerror}", 0.0)
        except MutantError as error:
            return Verdict(mutant.title, STALE, str(error), 0.0)

        def run() -> Outcome:
            with copy.plant(mutant):
                return copy.test(mutant.tests, limit)

        named = {copy.folder / it.partition("::")[0] for it in mutant.tests}
        helpers = {
            it for it in _files(copy.folder / "tests") if it.suffix == ".py" and it.name[:5] != "test_"
        }
        tests = _digest(copy.folder, sorted(named | helpers))
        key = _key(text, json.dumps(asdict(mutant)), tests)
        outcome = self._remember(key, (PASSED, FAILED, TIMED_OUT), run)
        verdict = {PASSED: SURVIVED, FAILED: KILLED, TIMED_OUT: SLOW}.get(outcome.code, BROKEN)
        if verdict == KILLED and "::" not in outcome.failed:
            verdict = BROKEN
        return Verdict(mutant.title, verdict, outcome.failed, outcome.seconds)

    def _remember(self, key: str, codes: tuple[int, ...], run: Callable[[], Outcome]) -> Outcome:
        """What was kept under the key; else what `run` gives, kept if it ended with one of the codes."""
        path = self._kept / f"{key}.json"
        if path.exists():
            return Outcome(**json.loads(path.read_text()))
        outcome = run()
        if outcome.code in codes and not self._stopped.is_set():
            write_whole(path, json.dumps(asdict(outcome)) + "\n")
        return outcome

    def _each(self, count: int, run: Callable[[int, Scratch], Any]) -> Any:
        """(number, what `run` gives for it) as they end; a copy serves one at a time."""

        def work(number: int) -> Any:
            copy = self._free.get()
            try:
                return run(number, copy)
            finally:
                self._free.put(copy)

        futures: dict[Future[Any], int] = {self._pool.submit(work, number): number for number in range(count)}
        for future in as_completed(futures):
            yield futures[future], future.result()


def _files(path: Path) -> list[Path]:
    """The file, or the files below the folder, byte code apart."""
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)


def _digest(root: Path, paths: Sequence[Path]) -> str:
    """Of names and contents; a file that is not there counts as an empty one."""
    digest = hashlib.sha256()
    for path in paths:
        data = path.read_bytes() if path.is_file() else b""
        digest.update(f"{path.relative_to(root)} {len(data)}\n".encode() + data)
    return digest.hexdigest()


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
