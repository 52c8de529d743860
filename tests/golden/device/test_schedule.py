"""What stands beside which command in a step's program."""

from functools import partial

from golden.device.assembly import Assembly
from golden.device.firmware.schedule import Schedule, Work
from tests.sim.learning.devices import CONFIG


def test_work_keeps_its_order_and_stands_where_half_of_it_fits() -> None:
    """Random numbers come in that order; nothing is left out at the end."""
    done: list[tuple[int, int]] = []
    schedule, command = Schedule(Assembly(CONFIG), 10_000), 0

    def work(name: int, cycles: int) -> Work:
        return Work(lambda: done.append((command, name)), cycles)

    schedule.add(work(0, 100), work(1, 100), work(2, 10), work(3, 500))
    for number, cycles in ((1, 130), (2, 20), (3, 160), (4, 240)):
        command = number
        schedule.issue(0, cycles, then=(work(10 + number, 1),))
        schedule.work()
    command = 5
    schedule.finish()
    # Beside the first one there is no room for the second half of another; the small one waits its turn.
    assert done[:3] == [(1, 0), (3, 1), (3, 2)]
    assert [name for _, name in done] == [0, 1, 2, 3, 11, 12, 13, 14]
    assert done[3:] == [(5, name) for name in (3, 11, 12, 13, 14)]


def test_work_that_is_more_than_commands_to_come_begins_at_once() -> None:
    done: list[int] = []
    schedule = Schedule(Assembly(CONFIG), 150)
    schedule.add(*(Work(partial(done.append, name), 100) for name in range(3)))
    schedule.issue(0, 110)
    schedule.work()
    assert done == [0, 1]
