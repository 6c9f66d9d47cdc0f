"""The shots of a pair as they are stored, ready to be judged."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from defocus.capture.calibrations import Calibrations
from defocus.capture.camera import SettingName
from defocus.capture.judging.limits import QualityLimits, Strictness
from defocus.capture.judging.quality import ExtraShots, Read, first_look, judge_pair
from defocus.capture.judging.quick_look import read_halved
from defocus.capture.judging.verdict import Quality
from defocus.capture.planning.exposure import Bracket, Exposure, make_exposure
from defocus.capture.planning.labels import parse_value
from defocus.capture.sessions.state import file_path
from defocus.errors import DatasetError
from defocus.exif import Exif, read_exif

__all__ = ["StoredShots", "stored_shots"]

EXTRAS = ("anchor", "companion")


@dataclass(frozen=True)
class StoredShots:
    """The shots of a pair; a ``virtual`` camera delivers prepared files."""

    paths: Mapping[str, Path]
    bracket: Bracket
    exif: Mapping[str, Exif]
    extra: ExtraShots
    virtual: bool
    writes_exif: bool

    def judged(
        self, limits: QualityLimits, strictness: Strictness, read: Read = read_halved
    ) -> Quality:
        """The verdict; see :func:`defocus.capture.judging.quality.judge_pair`."""
        return judge_pair(
            self.paths["blurry"],
            self.paths["sharp"],
            self.bracket,
            self.exif,
            limits,
            extra=self.extra,
            strictness=strictness,
            virtual_camera=self.virtual,
            exif_expected=self.writes_exif,
            read=read,
        )

    def at_first_look(
        self, limits: QualityLimits, strictness: Strictness, read: Read = read_halved
    ) -> Quality:
        """What is seen at once; see :func:`defocus.capture.judging.quality.first_look`."""
        if strictness != "strict" or self.virtual:
            return Quality()  # nothing is ever rejected by what is measured
        return first_look(
            self.paths["blurry"],
            self.paths["sharp"],
            self.bracket,
            self.exif,
            limits,
            extra=self.extra,
            exif_expected=self.writes_exif,
            read=read,
        )


def stored_shots(
    root: Path, pair_id: str, names: Collection[str], entry: Mapping[str, Any], known: Calibrations
) -> StoredShots:
    """The shots of a pair from its document, with or without a verdict."""
    roles = entry["roles"]
    files = {role: str(told["file"]) for role, told in roles.items()}
    if not set(files.values()) <= set(names):
        raise DatasetError(f"{root}: pair {pair_id}: pair.json names files that are not the pair's")
    paths = {role: file_path(root, pair_id, name) for role, name in files.items()}
    asked = {role: _exposure(told) for role, told in roles.items()}
    exif = {role: read_exif(path) for role, path in paths.items()}
    bracket = Bracket(asked["blurry"], asked["sharp"])
    two = entry["sharp_camera"] is not None
    cameras = [entry["camera"], *([entry["sharp_camera"]] if two else [])]
    return StoredShots(
        paths,
        bracket,
        {role: exif[role] for role in ("blurry", "sharp")},
        ExtraShots(
            anchor=paths.get("anchor"),
            anchored=str(entry["anchored"] or "sharp"),
            companion=paths.get("companion"),
            exif={role: (asked[role], exif[role]) for role in EXTRAS if role in paths},
            focus_moved=any(told["defocused"] for told in roles.values()),
            sharp_mirrored=two and known.sharp_mirrored,
            expected_ev=known.expected_ev(bracket.blurry.aperture, bracket.sharp.aperture),
            expected=known.expected_geometry(int(entry["focus_steps"]), two_cameras=two),
            skew_seconds=_skew_seconds(entry),
        ),
        virtual=any(camera["virtual"] for camera in cameras),
        writes_exif=any(camera["writes_exif"] for camera in cameras),
    )


def _skew_seconds(entry: Mapping[str, Any]) -> float | None:
    """Release skew; sessions of version 0.1.0 have it among the measurements."""
    if "release_skew_seconds" in entry:
        found = entry["release_skew_seconds"]
    else:
        found = entry["quality"].get("release_skew_seconds")
    return None if found is None else float(found)


def _exposure(role: Mapping[str, Any]) -> Exposure:
    """Requested exposure of a shot, from its entry."""
    words, true = role["asked"], role["true"]
    exposure = make_exposure(
        (words["aperture"], _number("aperture", words)),
        (words["shutter"], _number("shutter", words)),
        (words.get("iso"), float(true["iso"])),
    )
    return replace(exposure, f_number=float(true["f_number"]), seconds=float(true["seconds"]))


def _number(name: SettingName, words: Mapping[str, str]) -> float:
    number = parse_value(name, words[name])
    if number is None:
        raise ValueError(f"{name} '{words[name]}' is no number")
    return number
