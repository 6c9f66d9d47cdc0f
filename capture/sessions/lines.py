"""Types of the journal lines that define a session's state."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from defocus.capture.camera import CardFile
from defocus.capture.planning.shoot_record import (
    CameraRecord,
    ExposureRecord,
    FocusSteps,
    Read,
    Sha256,
    ShootRecord,
)
from defocus.reading import Json

Verdict = Literal["accept", "warn", "reject"]

VERDICT_WORDS: Mapping[str, str] = {
    "accept": "accepted",
    "warn": "warned",
    "reject": "rejected",
    "incomplete": "incomplete",
}
"""How a verdict is shown to people everywhere; files and JSON keep the short words."""

FILE_NAME = r"^(truth/)?[a-z0-9_-]+(\.[2-9])?(\.[a-z0-9]{1,5}|\.[a-z0-9]{1,5}\.(aae|dop|pp3|xmp))$"
"""Pattern of file names. Its second form is a sidecar named after its picture, suffix included."""

FileName = Annotated[str, Field(pattern=FILE_NAME)]
PairId = Annotated[str, Field(pattern=r"^[0-9]{4,6}_[a-z0-9][a-z0-9-]{0,63}$")]
SceneName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


@dataclass(frozen=True)
class StoredFile:
    """A file of a pair: name inside the pair's folder, SHA-256 in hexadecimal, size."""

    name: FileName
    sha256: Sha256
    bytes: Annotated[int, Field(ge=0)]


class CreatedLine(Read):
    """The first line."""

    schema_number: int = Field(alias="schema", ge=1)
    id: str = Field(min_length=1)
    time: str
    software: Json


class PairLine(Read):
    """A planned pair; ``shoot`` is an index into the shoots of its own line."""

    id: PairId
    number: int = Field(ge=1, le=999_999)
    scene: SceneName
    focus_steps: FocusSteps = 0
    shoot: int = Field(default=0, ge=0)
    title: str = Field(default="", max_length=500)


class PlannedLine(Read):
    """Pairs planned together: one shoot, or one per wide aperture of a scene."""

    shoots: tuple[ShootRecord, ...] = Field(min_length=1)
    pairs: tuple[PairLine, ...]

    @model_validator(mode="after")
    def _shoots_exist(self) -> Self:
        if any(pair.shoot >= len(self.shoots) for pair in self.pairs):
            raise ValueError("a pair of a shoot that is not in the line")
        return self


class FileLine(Read):
    """Originals stored in the session, with their paths on the camera's card."""

    pair: PairId
    files: tuple[StoredFile, ...]
    on_card: tuple[CardFile, ...] = ()


class DeletedLine(Read):
    """A file deleted on the card."""

    pair: PairId
    name: FileName


class StartedLine(Read):
    """The shots of a pair begin, perhaps again."""

    pair: PairId


class ShotLine(Read):
    """All shots of a pair are stored; ``entry`` is its unchecked ``pair.json``, without verdict."""

    pair: PairId
    files: tuple[StoredFile, ...]
    entry: Json


class RetakeLine(Read):
    """A rejected pair is to be shot again; its shots were moved away."""

    pair: PairId


class PairCompleteLine(Read):
    """The line that marks a pair as complete."""

    pair: PairId
    scene: SceneName
    verdict: Verdict
    reason: str
    blurry: FileName
    sharp: FileName
    files: tuple[StoredFile, ...]

    @model_validator(mode="after")
    def _members_are_among_the_files(self) -> Self:
        if not {self.blurry, self.sharp, "pair.json"} <= {
            entry.name for entry in self.files
        }:
            raise ValueError("a member of the pair is missing from its files")
        return self


class JudgedLine(Read):
    """A person's decision about a complete pair."""

    pair: PairId
    verdict: Verdict
    reason: str


class NoteLine(Read):
    """A person's note about a pair or a scene; it replaces the earlier one, empty removes it."""

    about: PairId | SceneName
    text: str = Field(max_length=2000)


class AddedLine(Read):
    """A line about a shot of an addition, which belongs to no pair, such as ``flat 0001``.

    The event ``flat-shot`` or ``flat-read`` begins with its word; ``flat`` is its number."""

    event: str = Field(pattern=r"^[a-z]+-(shot|read)$")

    @property
    def word(self) -> str:
        """The first word of the event, such as ``flat``."""
        return self.event.partition("-")[0]

    @property
    def number(self) -> int:
        """The number of the shot, from 1."""
        return int(dict(self)[self.word])

    @property
    def id(self) -> str:
        """The id of the shot, such as ``flat 0001``."""
        return added_id(self.word, self.number)

    @model_validator(mode="after")
    def _has_a_number(self) -> Self:
        number = dict(self).get(self.word)
        if type(number) is not int or not 1 <= number <= 9999:
            raise ValueError(f"'{self.word}' is no number from 1 to 9999")
        return self


class AddedShotLine(AddedLine):
    """A shot of an addition was taken, and its files are stored."""

    time: str
    camera: CameraRecord
    exposure: ExposureRecord
    files: tuple[StoredFile, ...]
    on_card: tuple[CardFile, ...] = ()


class AddedReadLine(AddedLine):
    """A shot of an addition was read; ``found`` is None, with the reason, where that failed."""

    found: Read | None
    reason: str = ""


def added_id(word: str, number: int) -> str:
    """The id of a shot of an addition, such as ``flat 0001``."""
    return f"{word} {number:04d}"
