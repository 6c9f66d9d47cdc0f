"""Order, count and time left of what a study has still to do."""

from collections.abc import Sequence
from dataclasses import dataclass

from defocus.benchmark.evaluation.remaining import Left
from defocus.benchmark.study.plan import Study

__all__ = ["RunTask", "TrainingClock", "tasks_of"]


@dataclass(frozen=True)
class RunTask:
    """Remaining work of one run; ``place`` is its number among all tasks: ``3/14``."""

    left: Left
    trains: bool
    place: str
    trainings: int


@dataclass
class TrainingClock:
    """Trainings that are done, and the seconds that they took."""

    done: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count a training."""
        self.done += 1
        self.seconds += seconds

    def left(self, trainings: int) -> str:
        """Words on the time that so many trainings will still take."""
        if not self.done:
            return ""
        return f", about {self.seconds / self.done * trainings / 60:.1f} min left"


def tasks_of(pending: Sequence[tuple[Study, Sequence[Left]]]) -> list[tuple[Study, list[RunTask]]]:
    """The tasks of each study; its trainings come last, so that a report is there soon."""
    ordered = [
        (study, sorted((_trains(study, one), n) for n, one in enumerate(left)), left)
        for study, left in pending
    ]
    total = sum(len(left) for _, left in pending)
    trainings = sum(trains for _, order, _ in ordered for trains, _ in order)
    number = 0
    found: list[tuple[Study, list[RunTask]]] = []
    for study, order, left in ordered:
        tasks = []
        for trains, n in order:
            number += 1
            tasks.append(RunTask(left[n], trains, f"{number}/{total}", trainings))
            trainings -= trains
        found.append((study, tasks))
    return found


def _trains(study: Study, left: Left) -> bool:
    """Whether the work includes a training."""
    return left.run.recipe is not None and left.metrics is None and study.home is None
