"""Judge pairs beside the shooting: in threads of their own, each picture read once."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from defocus.capture.judging.limits import QualityLimits, Strictness
from defocus.capture.judging.quality import Read
from defocus.capture.judging.quick_look import QuickLook, read_halved
from defocus.capture.judging.verdict import Quality
from defocus.capture.taking.verdicts.stored import StoredShots

__all__ = ["SideJudge", "SideVerdict"]


@dataclass(frozen=True)
class SideVerdict:
    """What will be known of a pair: at once, and by all measurements."""

    first: "Future[Quality]"
    verdict: "Future[Quality]"


class SideJudge:
    """Reads shots in one thread and judges pairs in another while the camera works.

    NumPy and OpenCV compute without the interpreter's lock, so the camera's thread goes on.
    """

    def __init__(self) -> None:
        self._eyes = ThreadPoolExecutor(1, "reading")
        self._bench = ThreadPoolExecutor(1, "judging")
        self._seen: dict[Path, Future[QuickLook]] = {}

    def see(self, path: Path) -> None:
        """Begin to read a stored shot."""
        self._seen[path] = self._eyes.submit(read_halved, path)

    def begin(
        self, shots: StoredShots, limits: QualityLimits, strictness: Strictness
    ) -> SideVerdict:
        """Begin to judge a pair; its pictures are dropped from memory afterwards."""
        read = self._reader(shots)
        for path in shots.paths.values():
            self._seen.pop(path, None)
        first = self._eyes.submit(shots.at_first_look, limits, strictness, read)
        return SideVerdict(first, self._bench.submit(shots.judged, limits, strictness, read))

    def _reader(self, shots: StoredShots) -> Read:
        """Reads the shots of a pair from memory if they are there."""
        seen = {path: self._seen[path] for path in shots.paths.values() if path in self._seen}

        def read(path: Path) -> QuickLook:
            return seen[path].result() if path in seen else read_halved(path)

        return read

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._eyes.shutdown(cancel_futures=True)
        self._bench.shutdown(cancel_futures=True)
