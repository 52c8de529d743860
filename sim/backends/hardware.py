"""The accelerator in a simulator, as a backend: streams in, writes of the drain and the result out."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from golden.machine.load import demand_loadable
from golden.machine.result import Result
from golden.machine.tensors import demand_places, image_words, result_tensors
from golden.spec.errors import ErrorCode, MachineError
from golden.spec.memories import run_record
from golden.spec.program import Program
from sim.backends.protocol import Conditions, Int8
from sim.drivers.ports import Each, ImageRecord, Job, Recording, SimulationError


@dataclass(frozen=True)
class Hardware:
    """A simulator as a backend.

    Parameters
    ----------
    name: of the backend.
    simulate: runs a job on the accelerator; calls `Each` with the record of every image.
    """

    name: str
    simulate: Callable[[Job, Each], Recording]

    def run(
        self, program: Program, images: Int8, conditions: Conditions, on_image: Callable[[int], None] | None
    ) -> Result:
        """See `sim.backends.protocol.Backend`.

        Raises SimulationError for a hang, or a result that differs from what was written.
        """
        job = make_job(
            program,
            images,
            skip=conditions.skip,
            stalls=conditions.stalls,
            seed=conditions.seed,
            waveform=conditions.waveform,
        )
        # The loader itself says what it refuses.
        with suppress(MachineError):
            demand_loadable(program)
            demand_places(program)
        collector = _Collector(program, images, self.name, on_image)
        recording = self.simulate(job, collector.add)
        return collector.result(recording)


def make_job(
    program: Program,
    images: Int8,
    skip: bool = False,
    stalls: float = 0.0,
    seed: int = 0,
    waveform: Path | None = None,
) -> Job:
    """What a run asks of a simulator. Raises ValueError if images have another dtype or shape."""
    word = run_record(program.config).unpack(program.run)
    return Job(
        config=program.config,
        program=program.image(),
        images=image_words(program, images),
        result_words=word["result_words"],
        cycle_limit=word["cycle_limit"],
        skip=skip,
        stalls=stalls,
        seed=seed,
        waveform=waveform,
    )


class _Collector:
    """Turns the records of images into tensors as they come."""

    def __init__(
        self, program: Program, images: Int8, backend: str, on_image: Callable[[int], None] | None
    ) -> None:
        self._program = program
        self._images = images
        self._backend = backend
        self._on_image = on_image
        names = [layer.output for layer in program.layers]
        self._values: dict[str, list[Int8]] = {name: [] for name in names}
        self._cycles: dict[str, list[npt.NDArray[np.uint32]]] = {name: [] for name in names}
        self._records: list[tuple[int, int]] = []

    def add(self, number: int, record: ImageRecord) -> None:
        """The next image."""
        # It loads torch, which the command line's help can do without.
        from golden.machine.writes import tensors_from_writes

        where = f"{self._backend}: image {number}"
        lane = np.arange(self._program.config.lanes, dtype=np.uint64)
        writes = record.writes
        enable = (writes["enable"][:, None] >> lane & np.uint64(1)).astype(bool)
        try:
            written = tensors_from_writes(
                self._program, writes["address"].astype(np.int64), enable, writes["data"]
            )
        except ValueError as error:
            raise SimulationError(f"{where}: {error}") from error
        # A cycle more at the end, so that "never written" (−1) finds cycle 0.
        cycles = np.append(writes["cycle"], np.uint32(0))
        for name, tensor in written.items():
            self._values[name].append(tensor.values)
            self._cycles[name].append(cycles[tensor.write])
        if len(record.result):
            # Without a layer the result is the image.
            layers = self._program.layers
            right = {
                name: self._values[name][-1] if layers else self._images[number]
                for name in self._program.outputs
            }
            self._check_result(record, right, where)
        self._records.append((record.cycles, record.load_cycles))
        if self._on_image is not None:
            self._on_image(number)

    def _check_result(self, record: ImageRecord, right: dict[str, Int8], where: str) -> None:
        for name, (sent,) in result_tensors(self._program, record.result[None]).items():
            written = right[name]
            if (sent != written).any():
                place = tuple(int(i) for i in np.argwhere(sent != written)[0])
                raise SimulationError(
                    f"{where}: the result stream gives {sent[place]} at index {place} of {name!r}, "
                    f"but {written[place]} was written"
                )

    def result(self, recording: Recording) -> Result:
        """Everything so far."""
        shapes = {tensor.name: tensor.shape for tensor in self._program.tensors}
        cycles = {
            name: np.array(values, np.uint32).reshape(-1, *shapes[name])
            for name, values in self._cycles.items()
        }
        failed = recording.error != ErrorCode.NONE
        return Result(
            backend=self._backend,
            tensors={
                name: np.array(values, np.int8).reshape(-1, *shapes[name])
                for name, values in self._values.items()
            },
            cycles=tuple(count for count, _ in self._records[: -1 if failed else None]),
            load_cycles=max((count for _, count in self._records), default=0),
            error=recording.error,
            last_write={name: tuple(int(image.max()) for image in values) for name, values in cycles.items()},
            write_cycles=cycles,
            seconds=recording.seconds,
        )
