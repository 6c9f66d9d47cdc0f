"""Three stages of work on many items: the next is read and the last is written meanwhile."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

Thing = TypeVar("Thing")
Given = TypeVar("Given")
Output = TypeVar("Output")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Stages(Generic[Thing, Given, Output, Result]):
    """Work on each item, one stage after the other."""

    read: Callable[[Thing], Given]
    work: Callable[[Given], Output]
    write: Callable[[Output], Result]
    large: Callable[[Thing], bool]  # whether a thing needs all the memory for itself


def in_stages(
    things: Sequence[Thing],
    stages: Stages[Thing, Given, Output, Result],
) -> Iterator[Result]:
    """The results in order; meanwhile at most one item is read ahead and one is written behind."""
    ahead: Future[Given] | None = None
    behind: Future[Result] | None = None
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        for number, thing in enumerate(things, 1):
            large = stages.large(thing)
            if large and behind is not None:
                yield behind.result()
                behind = None
            given = stages.read(thing) if ahead is None else ahead.result()
            ahead = None
            if number < len(things) and not large and not stages.large(things[number]):
                ahead = reader.submit(stages.read, things[number])
            output = stages.work(given)
            del given
            if behind is not None:
                yield behind.result()
            behind = writer.submit(stages.write, output)
            del output
        if behind is not None:
            yield behind.result()
