"""Plants faults in pairs of the simulated camera; says which are found, which good ones lost.

``python -m research.pages.faults DIR``; ``… alarms COUNT STACKS PHOTOS…``: pairs without one."""

import argparse
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL.TiffImagePlugin import IFDRational

from defocus.align.flow.by_name import flow_estimator
from defocus.align.measure import measure
from defocus.align.photometry.unexplained import causes
from defocus.capture.cameras.sim import open_camera
from defocus.datasets.api import open_dataset
from defocus.datasets.audit.run import Audit, audit_dataset
from defocus.datasets.curation_rules import Rules, judged
from defocus.pictures.read import read_image, read_pair
from defocus.pictures.values import Image, as_integer, as_linear, linear_to_srgb
from defocus.progress import track
from defocus.reading import read_json
from defocus.storage.files import make_folder
from research.alignment_truth.real_like.pair import real_like_pair
from research.alignment_truth.rendered.pair import FULL, at_width, render_pair
from research.alignment_truth.rendered.textures import load_textures
from research.alignment_truth.stacks import stack_frames
from research.markdown import number_or_dash, row
from research.pages.faults_released import (
    number_of,
    released_by_folders,
    released_by_session,
    run,
)
from research.sharp_member.plants import distorted

PAIRS, SEED = 60, 71
CAMERA = "sim:?width=640&height=480&breathing=0.002&shift=2&rotation=0.05&vignetting=1.5&noise=1"
SHOTS = (
    ("blurry", "f/4", "1/125", 4.0, 1 / 128),
    ("sharp", "f/22", "1/4", 22.0, 1 / 4),
)
WIDER = ("sharp", "f/4", "1/125", 22.0, 1 / 4)
"""A sharp member that is shot at f/4, so that its focus shows: at f/22, which its EXIF says, nearly
all is in focus."""
QUALITY = 95
P3_OF_SRGB = np.array(
    [[0.8225, 0.1774, 0.0], [0.0332, 0.9669, 0.0], [0.0171, 0.0724, 0.9108]]
)
"""Matrix from linear light of sRGB to that of Display P3."""

Light = NDArray[np.float64]
Pictures = tuple[Image, Image]
"""Blurry and sharp picture."""


@dataclass(frozen=True)
class Plant:
    """A fault that is planted."""

    name: str  # what is done
    size: tuple[float, float]  # strong and weak
    camera: str = ""  # fault of the simulated camera; empty for none
    sharp: Callable[[Light, float], Light] | None = (
        None  # of the sharp member's light and the size
    )


def _brighter_to_the_right(light: Light, size: float) -> Light:
    across = np.linspace(-1, 1, light.shape[1])
    gain = 2.0 ** (size * across)
    return np.asarray(light * gain[:, None])


def _shaken(light: Light, size: float) -> Light:
    width = max(round(size), 1)
    return np.asarray(cv2.blur(light, (width, 1)))


def _more_light(light: Light, size: float) -> Light:
    return light * 2.0**size


def _in_p3(light: Light, size: float) -> Light:
    mixed = size * P3_OF_SRGB + (1 - size) * np.eye(3)
    return np.asarray(light @ mixed.T)


def _upside_down(light: Light, _: float) -> Light:
    return light[::-1, ::-1]


PLANTS: Mapping[int, Plant] = {
    5: Plant("an object moved, px", (18, 6), "motion={}@2"),
    10: Plant(
        "light changed across the picture, ± EV",
        (0.8, 0.3),
        "",
        _brighter_to_the_right,
    ),
    15: Plant("members swapped", (1, 1)),
    20: Plant("sharp member upside down", (1, 1), "", _upside_down),
    25: Plant("sharp member shaken, px", (12, 5), "", _shaken),
    30: Plant(
        "sharp member focused elsewhere, steps at f/4",
        (-60, -40),
        "af-hunt={}@2",
    ),
    35: Plant("sharp member overexposed, EV", (2, 1), "", _more_light),
    40: Plant("dust, specks", (10, 7), "dust={}@2"),
    45: Plant("sharp member of another scene", (1, 1)),
    50: Plant(
        "lens profile of the sharp member alone, % in the corners",
        (2, 0.6),
        "",
        distorted,
    ),
    53: Plant("one file twice", (1, 1)),
    56: Plant("sharp file cut short", (1, 1)),
    59: Plant("colours of Display P3 without a profile, share", (1, 0.4), "", _in_p3),
}


def main(folder: str) -> None:
    """Make both sets in a folder, judge them twice, and print a table of each."""
    for which, strength in enumerate(("strong", "weak")):
        root = Path(folder) / strength
        if not (root / "pairs" / "sharp" / f"{_name(PAIRS)}.jpg").exists():
            make_set(root, which)
        session = by_session(root)
        audit = by_audit(root)
        released = {
            "session": released_by_session(root),
            "pairs:": released_by_folders(root),
        }
        say_table(strength, which, {"session": session, "pairs:": audit}, released)


def make_set(root: Path, which: int) -> None:
    """Make the pairs as two folders, and as a card of one folder."""
    for number in track(range(1, PAIRS + 1), f"{root.name} faults"):
        write_pair(root, number, shot(number, which))


def write_pair(
    root: Path,
    number: int,
    members: Mapping[str, bytes],
) -> None:
    """Write both files of a pair into two folders, and onto a card."""
    card = make_folder(root / "card")
    for place, (role, content) in enumerate(members.items()):
        folder = make_folder(root / "pairs" / role)
        (folder / f"{_name(number)}.jpg").write_bytes(content)
        (card / card_name(number, place)).write_bytes(content)


def card_name(number: int, place: int) -> str:
    """Name of a member's file on the card: the blurry one is at place 0, the sharp one at 1."""
    return f"IMG_{2 * number + place:04d}.JPG"


def shot(number: int, which: int) -> dict[str, bytes]:
    """Both files of a pair, with its fault."""
    plant = PLANTS.get(number)
    if plant is None:
        return camera_files(camera_lights(number, ""), number)
    size = plant.size[which]
    light = camera_lights(number, plant.camera.format(f"{size:g}"))
    if plant.sharp is not None:
        light["sharp"] = plant.sharp(light["sharp"], size)
    if plant.name == "members swapped":
        light = {"blurry": light["sharp"], "sharp": light["blurry"]}
    if plant.name == "sharp member of another scene":
        light["sharp"] = camera_lights(number + 1000, "")["sharp"]
    files = camera_files(light, number)
    if plant.name == "one file twice":
        files["sharp"] = files["blurry"]
    if plant.name == "sharp file cut short":
        whole = files["sharp"]
        files["sharp"] = whole[: len(whole) // 2]
    return files


def camera_files(lights: Mapping[str, Light], number: int) -> dict[str, bytes]:
    """The files of a camera that takes this light."""
    files = {}
    for taken in SHOTS:
        role = taken[0]
        files[role] = camera_jpeg(lights[role], taken, number)
    return files


def _name(number: int) -> str:
    return f"p{number:02d}"


def camera_lights(number: int, fault: str) -> dict[str, Light]:
    """Linear light of both members as the simulated camera takes them."""
    shots = SHOTS if "af-hunt" not in fault else (SHOTS[0], WIDER)
    address = f"{CAMERA}&seed={number}"
    if fault:
        address += f"&fault={fault}"
    lights: dict[str, Light] = {}
    folder = make_folder(Path("/tmp") / "defocus-faults")  # noqa: S108 - files that are read at once
    with open_camera(address) as camera:
        camera.stage(f"scene-{number:03d}", 1)
        for role, aperture, shutter, *_ in shots:
            camera.set("aperture", aperture)
            camera.set("shutter", shutter)
            (path,) = camera.shoot(folder / role)
            picture = read_image(path.rename(path.with_suffix("")))
            light = as_linear(picture)
            lights[role] = light.astype(np.float64)
    return lights


def camera_jpeg(
    light: Light,
    one: tuple[str, str, str, float, float],
    number: int,
) -> bytes:
    """A file of the camera, with EXIF: the minute of its time is the number of the pair."""
    role, _, _, f_number, seconds = one
    pixels = as_integer(linear_to_srgb(np.clip(light, 0, 1)), 8)
    exif = PillowImage.Exif()
    minutes, second = divmod(60 * number + (role == "sharp"), 60)
    hours, minute = divmod(minutes, 60)
    when = f"2026:01:01 {hours:02d}:{minute:02d}:{second:02d}"
    time = IFDRational(seconds).limit_rational(10_000)
    exif[0x8769] = {
        36867: when,
        34855: 100,
        33437: IFDRational(f_number),
        33434: IFDRational(*time),
    }
    exif[0x010F], exif[0x0110] = "Maker", "Body 1"
    stream = io.BytesIO()
    PillowImage.fromarray(pixels).save(
        stream,
        "JPEG",
        quality=QUALITY,
        exif=exif,
    )
    return stream.getvalue()


@dataclass(frozen=True)
class Judged:
    """Remarks on a pair."""

    stops: float | None  # that the blur does not explain; None if not measured
    verdict: str  # ``accept``, ``warn`` or ``reject``
    reason: str  # empty if nothing is odd


LEFT_OUT = Judged(None, "left out", "")


def by_session(root: Path) -> dict[int, Judged]:
    """The verdicts on the card, imported as a session."""
    session = imported_card(root)
    answers = {}
    for path in sorted((session / "pairs").glob("*/pair.json")):
        document = read_json(path)
        unexplained = document["quality"].get("unexplained")
        stops = None if unexplained is None else unexplained["stops"]
        judged_pair = Judged(stops, document["verdict"], document["reason"])
        answers[number_of(path)] = judged_pair
    return answers


def imported_card(root: Path) -> Path:
    """The session of the card, which is imported once."""
    session = root / "session"
    if not (session / "session.json").exists():
        run("capture", "import", session, root / "card")
    return session


def by_audit(root: Path) -> dict[int, Judged]:
    """The warnings of ``audit`` and the rules of ``curate`` but one, which ``compensate`` mends."""
    audit, judgements = audited(root)
    stops = {row.id: row.unexplained_stops for row in audit.pairs}
    answers = {}
    for pair in judgements:
        reasons = [*pair.warnings, *pair.reasons]
        judged_pair = Judged(stops[pair.id], pair.verdict, "; ".join(reasons))
        answers[pair.number] = judged_pair
    return answers


@dataclass(frozen=True)
class FolderPair:
    """What ``audit`` and ``curate`` say of a pair of the two folders."""

    id: str
    verdict: str  # ``warn`` where ``audit`` warns of a pair that ``curate`` accepts
    warnings: Sequence[str]  # of ``audit``
    reasons: Sequence[str]  # of ``curate``: one or none

    @property
    def number(self) -> int:
        """Number of the pair."""
        return int(self.id[1:])


def audited(root: Path) -> tuple[Audit, list[FolderPair]]:
    """The audit of the two folders, and each of their pairs."""
    audit = audit_dataset(open_dataset(f"pairs:{root / 'pairs'}"), "dis", where=1)
    warned: dict[str, list[str]] = {}
    for warning in audit.warnings:
        warned.setdefault(warning.id, []).append(warning.text)
    pairs = []
    for judgement in judged(audit, Rules(most_misalignment_px=None)):
        warnings = warned.get(judgement.id, [])
        reasons = [judgement.reason] if judgement.reason else []
        verdict = judgement.verdict
        if verdict == "accept" and (warnings or reasons):
            verdict = "warn"
        pairs.append(
            FolderPair(
                judgement.id,
                verdict,
                warnings,
                reasons,
            )
        )
    return audit, pairs


def say_table(
    strength: str,
    which: int,
    said: Mapping[str, Mapping[int, Judged]],
    released: Mapping[str, set[int]],
) -> None:
    """Print what was said of each fault, whether it is released, and which good pairs are lost."""
    click.echo(f"\n| {strength} fault | by | stops | verdict | released | reason |")
    click.echo("| --- | --- | ---: | --- | --- | --- |")
    for number, plant in PLANTS.items():
        fault = f"{plant.name} ({plant.size[which]:g})"
        for by, verdicts in said.items():
            one = verdicts.get(number, LEFT_OUT)
            stops = number_or_dash(one.stops)
            arrives = "yes" if number in released[by] else "no"
            click.echo(row(fault, by, stops, one.verdict, arrives, one.reason))
    for by, verdicts in said.items():
        _say_good(released[by], verdicts, by)


def _say_good(
    released: set[int],
    verdicts: Mapping[int, Judged],
    by: str,
) -> None:
    """Print how many pairs without a fault are lost."""
    sound = sorted({*range(1, PAIRS + 1)} - set(PLANTS))
    good = [verdicts.get(number, LEFT_OUT) for number in sound]
    stops = [one.stops for one in good if one.stops is not None]
    lost = sum(one.verdict not in ("accept", "warn") for one in good)
    missing = len(set(sound) - released)
    click.echo(
        f"\n{by}: of {len(good)} pairs without a fault {lost} rejected, {missing} not in the "
        f"release; the blur leaves {np.median(stops):.3f} stops in the median, "
        f"{max(stops):.3f} at most."
    )


def say_alarms(
    count: int,
    stacks: Path,
    folders: Sequence[Path],
) -> None:
    """Print what is said of pairs without a fault."""
    files = _pictures_of(folders)
    textures = load_textures("test", folders)
    ranges = at_width(FULL, 512)

    def real_like(k: int) -> Pictures:
        pair = real_like_pair(files, SEED, k)
        return pair.blurry, pair.sharp

    def rendered(k: int) -> Pictures:
        pair = render_pair(textures, ranges, 384, 512, SEED, k)
        return as_integer(pair.blurry, 8), as_integer(pair.sharp, 8)

    merged = [read_pair(*paths) for paths in stack_frames(stacks)]
    sets: dict[str, Iterable[Pictures]] = {
        "real-like": map(real_like, range(count)),
        "rendered, with parallax": map(rendered, range(count)),
        "frames of real stacks beside the merged picture": merged,
    }
    click.echo("| pairs | measured | stops, median | 95 % | most | something said |")
    click.echo("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, pairs in sets.items():
        _say_set(pairs, name)


def _pictures_of(folders: Sequence[Path]) -> tuple[Path, ...]:
    """The JPEG and PNG files of some folders."""
    files: list[Path] = []
    for folder in folders:
        files += sorted(folder.glob("*.[jp][pn]g"))
    return tuple(files)


def _say_set(pairs: Iterable[Pictures], name: str) -> None:
    """Print what is said of a set of pairs."""
    estimator = flow_estimator("dis")
    changes = []
    for pair in track(pairs, name):
        misalignment = measure(*pair, estimator).misalignment
        if misalignment.unexplained is not None:
            changes.append(misalignment.unexplained)
    stops = [change.stops for change in changes]
    low, high = np.percentile(stops, (50, 95))
    odd = sum(bool(causes(change)) for change in changes)
    cells = (
        name,
        str(len(changes)),
        f"{low:.2f}",
        f"{high:.2f}",
        f"{max(stops):.2f}",
        str(odd),
    )
    click.echo(row(*cells))


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folder", metavar="DIR or alarms")
    words.add_argument("count", nargs="?", type=int)
    words.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="STACKS PHOTOS",
    )
    given = words.parse_args()
    if given.folder != "alarms":
        main(given.folder)
    elif not given.files:
        words.error(
            "alarms needs a count, a folder of focus stacks, and folders of photographs"
        )
    else:
        say_alarms(given.count, given.files[0], given.files[1:])
