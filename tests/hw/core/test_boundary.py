"""Host port and sequencer: image in, run, result out, and the errors that stop it.

Throughput: one image word per cycle; one result word per two cycles.
"""

from collections.abc import Callable
from typing import Any

import pytest

from golden.spec.errors import ErrorCode
from golden.spec.memories import Memory, run_record
from tests.hw.bench import NANO, load_words, seeded, simulate_with_reset
from tests.hw.core.boundary import Boundary

WORDS = NANO.feature_words


class Host:
    """A host, the feature memory's port B, and units that take `run_cycles` cycles for a run."""

    def __init__(self, ctx: Any, dut: Boundary, run_cycles: int) -> None:
        self.ctx, self.dut, self.run_cycles = ctx, dut, run_cycles
        self.memory = [0] * WORDS
        self.starts = 0
        self.running: int | None = None
        self.granted: Callable[[], bool] = lambda: True
        ctx.set(dut.features.grant, 1)

    async def load(self, **run: int) -> None:
        ctx, dut = self.ctx, self.dut
        await load_words(ctx, dut, NANO, Memory.RUN, [run_record(NANO).pack(**run)])
        await ctx.tick()  # the loader takes longer: END and the checksum come first
        ctx.set(dut.loaded, 1)

    async def tick(self) -> None:
        """One cycle: the memory port, and `finished` as the drain gives it."""
        ctx, dut = self.ctx, self.dut
        features = dut.features
        address, write = ctx.get(features.address), ctx.get(features.valid) and ctx.get(features.write)
        value = ctx.get(features.data)
        start = ctx.get(dut.start)
        write = write and ctx.get(features.grant)
        await ctx.tick()
        ctx.set(features.grant, self.granted())
        read = self.memory[address]
        if write:
            self.memory[address] = value
        ctx.set(features.read, read)
        if start:
            assert not write
            self.starts += 1
            self.running = 0
            ctx.set(dut.finished, 0)
        elif self.running is not None:
            self.running += 1
            ctx.set(dut.finished, self.running >= self.run_cycles)

    async def send(self, image: list[int], pause: Callable[[], bool] = lambda: False) -> None:
        """A frame of these words, the last one marked."""
        ctx, dut = self.ctx, self.dut
        sent = 0
        for _ in range(20 * len(image) + 100):
            if sent == len(image):
                break
            valid = not pause()
            ctx.set(dut.i_image.valid, valid)
            ctx.set(dut.i_image.payload, {"data": image[sent], "last": sent == len(image) - 1})
            sent += valid and ctx.get(dut.i_image.ready)
            await self.tick()
        else:
            raise AssertionError(f"{sent} of {len(image)} words were taken")
        ctx.set(dut.i_image.valid, 0)

    async def receive(self, count: int, pause: Callable[[], bool] = lambda: False) -> list[int]:
        """A result of so many words; its last word, and no other, is marked, and words wait for `ready`."""
        ctx, dut = self.ctx, self.dut
        got: list[int] = []
        waiting = None
        for _ in range(20 * count + 1000):
            if len(got) == count:
                break
            ready = not pause()
            ctx.set(dut.o_result.ready, ready)
            offered = None
            if ctx.get(dut.o_result.valid):
                word = ctx.get(dut.o_result.payload)
                offered = (word.data, word.last)
            assert waiting in (None, offered), "a word that was offered did not wait"
            waiting = None if ready else offered
            if ready and offered:
                got.append(offered[0])
                assert offered[1] == (len(got) == count)
            # The host may offer the next image at any time; it must not be taken now.
            assert not ctx.get(dut.i_image.ready)
            await self.tick()
        ctx.set(dut.o_result.ready, 0)
        return got


def run(bench: Callable[[Any, Boundary, Callable[[], Any]], Any]) -> None:
    dut = Boundary(NANO)

    async def testbench(ctx: Any, reset: Callable[[], Any]) -> None:
        await bench(ctx, dut, reset)

    simulate_with_reset(dut, testbench)


PLACE = {"input_address": 3, "input_words": 5, "result_address": 14, "result_words": 4}


@pytest.mark.parametrize("stalls", [0.0, 0.7])
def test_images_in_results_out(stalls: float) -> None:
    rng = seeded(1)

    async def bench(ctx: Any, dut: Boundary, reset: Callable[[], Any]) -> None:
        host = Host(ctx, dut, run_cycles=30)
        assert not ctx.get(dut.i_image.ready)
        await host.load(**PLACE, cycle_limit=1000)
        for number in range(4):
            host.run_cycles = rng.randint(3, 60)
            image = [rng.getrandbits(8 * NANO.lanes) for _ in range(5)]
            await host.send(image, lambda: rng.random() < stalls)
            assert host.memory[3:8] == image
            assert ctx.get(dut.busy)
            # Addresses go round at the end of the memory: words 14, 15, 0, 1.
            right = [rng.getrandbits(8 * NANO.lanes) for _ in range(4)]
            for offset, word in enumerate(right):
                host.memory[(14 + offset) % WORDS] = word
            assert not ctx.get(dut.idle)
            assert await host.receive(4, lambda: rng.random() < stalls) == right
            assert host.starts == number + 1
            assert not ctx.get(dut.busy)
            assert ctx.get(dut.cycles) == host.run_cycles + 1
            assert ctx.get(dut.error) == ErrorCode.NONE

    run(bench)


def test_image_words_wait_for_the_memory() -> None:
    rng = seeded(4)

    async def bench(ctx: Any, dut: Boundary, reset: Callable[[], Any]) -> None:
        host = Host(ctx, dut, run_cycles=10)
        await host.load(**PLACE, cycle_limit=1000)
        for _ in range(5):
            host.granted = lambda: rng.random() < 0.3
            image = [rng.getrandbits(8 * NANO.lanes) for _ in range(5)]
            await host.send(image)
            host.granted = lambda: True
            assert host.memory[3:8] == image
            assert len(await host.receive(4)) == 4

    run(bench)


def test_cycles_of_an_image_and_of_a_result() -> None:
    async def bench(ctx: Any, dut: Boundary, reset: Callable[[], Any]) -> None:
        host = Host(ctx, dut, run_cycles=10)
        await host.load(**PLACE, cycle_limit=1000)
        ctx.set(dut.i_image.valid, 1)
        for word in range(5):
            ctx.set(dut.i_image.payload.last, word == 4)
            assert ctx.get(dut.i_image.ready)
            await host.tick()
        assert ctx.get(dut.start)
        for _ in range(12):
            assert not ctx.get(dut.o_result.valid)
            await host.tick()
        ctx.set(dut.o_result.ready, 1)
        for cycle in range(8):
            assert ctx.get(dut.o_result.valid) == cycle % 2, cycle
            await host.tick()

    run(bench)


@pytest.mark.parametrize("words", [1, 5])
def test_a_program_and_an_image_take_turns(words: int) -> None:
    """With both always offered: a program, an image, a program, …; never both in one cycle."""
    turns = ""

    async def bench(ctx: Any, dut: Boundary, reset: Callable[[], Any]) -> None:
        nonlocal turns
        host = Host(ctx, dut, run_cycles=10)
        await host.load(**PLACE | {"input_words": words}, cycle_limit=1000)
        for port in (dut.program_waits, dut.i_image.valid, dut.o_result.ready):
            ctx.set(port, 1)
        taken = 0
        for _ in range(300):
            program, image = ctx.get(dut.idle), ctx.get(dut.i_image.ready)
            assert not (program and image)
            ctx.set(dut.i_image.payload.last, taken == words - 1)
            if image:
                taken = (taken + 1) % words
                turns += "i" * (not taken)
            elif program:
                assert not taken
                turns += "p"
                # The program's first word is taken: it is loading for some cycles.
                ctx.set(dut.loaded, 0)
                for _ in range(3):
                    await host.tick()
                    assert ctx.get(dut.idle)
                    assert not ctx.get(dut.i_image.ready)
                ctx.set(dut.loaded, 1)
                continue
            await host.tick()

    run(bench)
    assert turns.startswith("ipipip")


@pytest.mark.parametrize("stalls", [0.0, 0.7])
def test_frames_of_another_length_are_dropped(stalls: float) -> None:
    rng = seeded(2)

    def pause() -> bool:
        return rng.random() < stalls

    async def bench(ctx: Any, dut: Boundary, reset: Callable[[], Any]) -> None:
        host = Host(ctx, dut, run_cycles=10)
        await host.load(**PLACE, cycle_limit=1000)
        starts = 0
        # One after the other, and behind good ones.
        for words in (4, 1, 5, 6, 5, 9, 12, 2, 5, 5, 4, 6, 5):
            standing = ctx.get(dut.error)
            image = [rng.getrandbits(8 * NANO.lanes) for _ in range(words)]
            await host.send(image, pause)
            if words == 5:
                assert ctx.get(dut.busy)
                assert ctx.get(dut.error) == ErrorCode.NONE
                starts += 1
                assert host.memory[3:8] == image
                right = [host.memory[(14 + offset) % WORDS] for offset in range(4)]
                assert await host.receive(4, pause) == right
            else:
                code = ErrorCode.SHORT_IMAGE if words < 5 else ErrorCode.LONG_IMAGE
                assert code.recovers
                for _ in range(20):
                    assert ctx.get(dut.error) == code, (words, standing)
                    assert not ctx.get(dut.busy)
                    assert not ctx.get(dut.o_result.valid)
                    await host.tick()
            assert host.starts == starts

    run(bench)


def test_a_long_frame_is_taken_whole_before_a_program() -> None:
    async def bench(ctx: Any, dut: Boundary, reset: Callable[[], Any]) -> None:
        host = Host(ctx, dut, run_cycles=10)
        await host.load(**PLACE, cycle_limit=1000)
        ctx.set(dut.i_image.valid, 1)
        for word in range(9):
            ctx.set(dut.i_image.payload, {"data": word, "last": word == 8})
            assert ctx.get(dut.i_image.ready)
            assert ctx.get(dut.error) == (ErrorCode.NONE if word < 5 else ErrorCode.LONG_IMAGE)
            ctx.set(dut.program_waits, 1)
            assert not ctx.get(dut.idle)
            await host.tick()
        # Nothing of it went beyond the image's place.
        assert host.memory[3:9] == [0, 1, 2, 3, 4, 0]
        assert ctx.get(dut.idle)
        assert not ctx.get(dut.i_image.ready)
        # The code goes with the program's first word.
        ctx.set(dut.loaded, 0)
        await host.tick()
        assert ctx.get(dut.error) == ErrorCode.NONE

    run(bench)


@pytest.mark.parametrize(
    ("port", "code"),
    [("illegal", ErrorCode.INSTRUCTION), ("bad", ErrorCode.STREAM), (None, ErrorCode.TIMEOUT)],
)
def test_errors_stop_the_machine_until_reset(port: str | None, code: ErrorCode) -> None:
    async def bench(ctx: Any, dut: Boundary, reset: Callable[[], Any]) -> None:
        host = Host(ctx, dut, run_cycles=1 << 30)
        await host.load(**PLACE, cycle_limit=25)
        await host.send([0] * 5, lambda: False)
        for _ in range(10):
            assert ctx.get(dut.error) == ErrorCode.NONE
            await host.tick()
        if port is not None:
            ctx.set(getattr(dut, port), 1)
        for _ in range(20):
            await host.tick()
        assert ctx.get(dut.error) == code
        if port is None:
            assert ctx.get(dut.cycles) == 26
        for _ in range(5):
            assert not ctx.get(dut.o_result.valid)
            assert not ctx.get(dut.i_image.ready)
            assert not ctx.get(dut.idle)
            await host.tick()
        if port is not None:
            ctx.set(getattr(dut, port), 0)
        ctx.set(dut.loaded, 0)
        await reset()
        assert ctx.get(dut.error) == ErrorCode.NONE
        assert ctx.get(dut.idle)

    run(bench)


def test_errors_of_the_loader_are_shown_and_refuse_images() -> None:
    async def bench(ctx: Any, dut: Boundary, reset: Callable[[], Any]) -> None:
        host = Host(ctx, dut, run_cycles=10)
        await host.load(**PLACE, cycle_limit=1000)
        ctx.set(dut.loaded, 0)
        ctx.set(dut.load_error, ErrorCode.CHECKSUM)
        await host.tick()
        assert ctx.get(dut.error) == ErrorCode.CHECKSUM
        assert not ctx.get(dut.i_image.ready)

    run(bench)


def test_the_longest_run_that_the_limit_allows() -> None:
    async def bench(ctx: Any, dut: Boundary, reset: Callable[[], Any]) -> None:
        host = Host(ctx, dut, run_cycles=24)
        await host.load(**PLACE, cycle_limit=25)
        await host.send([0] * 5, lambda: False)
        assert len(await host.receive(4, lambda: False)) == 4
        assert ctx.get(dut.cycles) == 25
        assert ctx.get(dut.error) == ErrorCode.NONE

    run(bench)
