"""Pictures go through three stages: one is read ahead, one written behind, large ones are alone."""

import threading
from collections.abc import Callable

import pytest

from defocus.restoration.run import MOST_PIXELS_BESIDE
from defocus.restoration.stages import Stages, in_stages


class Bench:
    """Counts what is read and not written yet, and lets the work wait for both neighbours."""

    def __init__(self, large: Callable[[int], bool]) -> None:
        self.large = large
        self.events: list[str] = []
        self.seen: list[int] = []
        self._lock = threading.Lock()
        self._inside = 0

    def _note(self, event: str, change: int) -> None:
        with self._lock:
            self.events.append(event)
            self._inside += change

    def read(self, thing: int) -> int:
        self._note(f"read {thing}", 1)
        return thing

    def work(self, thing: int) -> int:
        self._note(f"work {thing}", 0)
        with self._lock:
            self.seen.append(self._inside)
        return thing

    def write(self, thing: int) -> int:
        self._note(f"write {thing}", -1)
        return 10 * thing

    def results(self, count: int) -> list[int]:
        stages = Stages(self.read, self.work, self.write, self.large)
        return list(in_stages(range(count), stages))


def never(_: int) -> bool:
    return False


def test_results_are_in_order_and_no_more_than_three_things_are_at_hand():
    bench = Bench(never)
    assert bench.results(20) == list(range(0, 200, 10))
    assert max(bench.seen) <= 3
    for thing in range(20):
        order = [
            bench.events.index(f"{stage} {thing}")
            for stage in ("read", "work", "write")
        ]
        assert order == sorted(order)


def test_the_next_is_read_and_the_last_is_written_during_the_work():
    read, written = threading.Event(), threading.Event()

    class Waiting(Bench):
        def read(self, thing: int) -> int:
            if thing == 2:
                read.set()
            return thing

        def work(self, thing: int) -> int:
            if thing == 1:
                assert read.wait(60)
                assert written.wait(60)
            return thing

        def write(self, thing: int) -> int:
            written.set()
            return thing

    assert Waiting(never).results(3) == [0, 1, 2]


def test_a_large_thing_is_alone():
    bench = Bench(lambda thing: thing in (1, 4))
    assert bench.results(6) == [0, 10, 20, 30, 40, 50]
    for thing in (1, 4):
        at_work = bench.events.index(f"work {thing}")
        assert bench.events.index(f"write {thing - 1}") < bench.events.index(
            f"read {thing}"
        )
        assert bench.events.index(f"read {thing + 1}") > at_work
        assert bench.seen[thing] == 1


@pytest.mark.parametrize("stage", ["read", "work", "write"])
def test_an_error_of_any_stage_ends_the_work(stage):
    bench = Bench(never)

    def failing(thing: int) -> int:
        if thing == 2:
            raise OSError("odd")
        return thing

    setattr(bench, stage, failing)
    with pytest.raises(OSError, match="odd"):
        bench.results(9)
    assert "read 6" not in bench.events


def test_pictures_of_24_megapixels_go_beside_each_other_and_of_45_do_not():
    assert 6016 * 4016 < MOST_PIXELS_BESIDE < 8256 * 5504
