"""The journal of a folder of restored pictures: which are done, made from what and how."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from defocus.errors import InputError
from defocus.reading import Json, intact, read_json
from defocus.storage.files import remove_unfinished, sha256_file, write_json
from defocus.storage.staging import held_folder

JOURNAL = "restored.json"
_ROUNDING = 0.5 / 65535
"""Half a step of 16 bits. A smaller difference counts as none."""


@dataclass(frozen=True)
class Restored:
    """Result for one picture, given and restored by their paths."""

    image: str
    restored: str
    width: int = 0
    height: int = 0
    bits: int = 0  # 8 or 16; 32 or 64 for floats
    tiles: int = 0  # 1 is the whole picture at once
    tile_px: int = 0  # largest side; 0 for the whole picture
    tiling_difference: float = (
        0.0  # largest change in [0, 1] of a part that was restored both ways
    )
    checked: int = 0  # parts of 64 x 64 px that the guard examined
    put_back: int = 0  # those that the guard replaced by the given picture
    # circle of confusion in the picture's sharpest tenth; None where nothing tells it
    sharpest_px: float | None = None
    too_blurred: bool = False  # that is too much to be rescued
    enlarged: int = (
        1  # the picture had been enlarged by this factor; 1 where no trace shows it
    )
    # share of pixels with a change above 2 of 255; None from earlier versions
    changed: float | None = None
    map: str = ""  # path of the map of blur as asked for
    remarks: tuple[str, ...] = ()  # what the restored picture lacks of the file
    system: str = ""
    seconds: float = 0.0  # 0.0 if it was restored before
    reason: str = ""  # why there is no restored picture; empty if there is one

    def to_json(self) -> Json:
        """The object that ``defocus-restore --json`` prints."""
        return {
            **asdict(self),
            "tiling_changes_result": self.tiling_difference > _ROUNDING,
        }


class RestoreJournal:
    """The journal of an output folder, for pictures made with some settings."""

    def __init__(self, folder: Path, settings: Json) -> None:
        self._path = folder / JOURNAL
        self._settings = settings
        self._entries = self._read()

    def _read(self) -> dict[str, Json]:
        if not self._path.exists():
            return {}
        with intact(
            self._path,
            "move the folder away to start again",
            InputError,
            OSError,
        ):
            document = read_json(self._path)
            return {str(name): dict(entry) for name, entry in document.items()}

    @contextmanager
    def _changed(self) -> Iterator[None]:
        """Change the entries, and keep those of other processes that work in the folder."""
        with held_folder(self._path.parent):
            self._entries = self._read()
            yield
            write_json(self._path, self._entries)

    def claim(self, targets: Sequence[Path]) -> None:
        """Note names before anything is written, so that a killed run knows its own files."""
        with self._changed():
            for target in targets:
                if target.exists() and target.name not in self._entries:
                    raise InputError(
                        f"{target}: a file of that name exists; choose another --out"
                    )
            for target in targets:
                self._entries.setdefault(target.name, {})
            remove_unfinished(self._path.parent, [JOURNAL, *self._entries])

    def earlier(
        self,
        image: Path,
        target: Path,
        source: str,
    ) -> Restored | None:
        """An earlier run's result of a picture (SHA-256) made in the same way, if it is there."""
        entry = self._entries.get(target.name, {})
        same = (
            entry.get("source_sha256") == source
            and entry.get("settings") == self._settings
        )
        if (
            not same
            or not target.exists()
            or sha256_file(target) != entry.get("sha256")
        ):
            return None
        result = entry.get("result")
        if not isinstance(result, dict):
            return None
        try:
            return Restored(
                **{
                    **result,
                    "image": str(image),
                    "restored": str(target),
                }
            )
        except TypeError:  # a field of another version, which is not known here
            return None

    def finish(
        self,
        target: Path,
        source: str,
        result: Restored,
    ) -> None:
        """Note that a picture is done, and what is to be said of it."""
        said = asdict(result)
        del said["image"], said["restored"]
        entry = {
            "source_sha256": source,
            "settings": self._settings,
            "sha256": sha256_file(target),
            "result": said,
        }
        with self._changed():
            self._entries[target.name] = entry
