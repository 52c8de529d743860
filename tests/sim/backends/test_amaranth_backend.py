"""What Amaranth's simulator records: cycles from the last image word, and pauses where they are asked for."""

from golden.cycles.timing import count_cycles
from golden.machine.writes import trace_program
from golden.spec.config import TINY
from hw.core.accelerator import Accelerator
from sim.backends.amaranth_backend import simulate
from sim.backends.hardware import make_job
from sim.drivers.ports import ImageRecord, Recording
from tests.sim.programs import Case, random_case


def _record(case: Case, stalls: float) -> tuple[ImageRecord, Recording]:
    records: list[ImageRecord] = []
    job = make_job(case.program, case.images, stalls=stalls, seed=4)
    recording = simulate(Accelerator(TINY), job, lambda _, record: records.append(record))
    return records[0], recording


def test_cycles_and_pauses() -> None:
    case = random_case(11, TINY, images=1)
    plain, recording = _record(case, 0.0)
    model = count_cycles(case.program)
    assert plain.cycles == model.cycles
    # Without pauses an image word is taken in each cycle.
    words = case.program.tensor("image").words(TINY.lanes) * case.images.shape[1]
    assert plain.load_cycles == words
    # A write comes some cycles after the last term of its layer, and no later than the run ends.
    ends = list(plain.writes["cycle"][[*_last_of_layers(case)]])
    for end, term in zip(ends, model.layer_ends, strict=True):
        assert term < end < term + 29, (end, term)
    slow, other = _record(case, 0.6)
    assert slow.cycles == plain.cycles
    assert list(slow.writes["cycle"]) == list(plain.writes["cycle"])
    assert slow.load_cycles > words
    assert other.program_cycles > 1.5 * recording.program_cycles


def _last_of_layers(case: Case) -> list[int]:
    """Numbers of the last write of each layer."""
    layers = trace_program(case.program, case.images).layer.tolist()
    return [len(layers) - 1 - layers[::-1].index(layer) for layer in sorted(set(layers))]
