"""Every verb of every program with words that lead it to its work, in one small prepared folder."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageFilter

from tests.command_process import CHECKOUT

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]

CARD = """
title = "T"
licence = "CC-BY-4.0"
faces = "none"
date = "2026-11-20"
description = "D."
authors = ["A lab"]
"""

BRIEF = "[schedule]\nsteps = 2\ncrop_px = 32\nbatch = 1\n"
"""A training that ends at once."""

REQUEST = """
size = [96, 64]
[lens]
focal_length_mm = 50
f_number = 4.0
focus_distance_mm = 2000.0
[[scenes]]
name = "s"
planes = [{picture = "portrait.png", depth_mm = 2500.0}]
"""
"""What ``render`` is asked for."""

CAMERA = "sim:?seed=3&width=120&height=90"

SIZE = (128, 96)
"""Width and height of the pictures, px: the smallest that registration answers on."""


@dataclass(frozen=True)
class Verb:
    """A verb, what it is given in the prepared folder, and the exit codes that it may end with."""

    program: str
    words: tuple[str, ...]
    extra: str = ""
    codes: tuple[int, ...] = (0,)

    def __str__(self) -> str:
        """As pytest shows it."""
        return " ".join((self.program.removeprefix("defocus-"), *self.words[:2]))

    @property
    def is_here(self) -> bool:
        """Whether what brings it was not taken out."""
        return not self.extra or (CHECKOUT / "extras" / self.extra).is_dir()


def _verb(line: str, extra: str = "", codes: tuple[int, ...] = (0,)) -> Verb:
    program, *words = line.split()
    return Verb(f"defocus-{program}", tuple(words), extra, codes)


SHOOT = f"--camera {CAMERA} --blurry f/4 --sharp f/22 --scenes 1 --yes"

CALIBRATE = f"--camera {CAMERA} --out calibration --yes"

STUDY = "--dataset pairs:pairs --settings brief.toml"

VERBS = (
    _verb("restore portrait.png --out restored"),
    _verb("restore portrait.png --weights w.pth --out restored-by-others", codes=(2,)),
    _verb("capture cameras"),
    _verb("capture check session"),
    _verb("capture config list --camera sim:"),
    _verb("capture develop session --out developed --on 2"),
    _verb("capture doctor --camera sim:", codes=(0, 1)),
    _verb("capture import imported pictures"),
    _verb("capture plan --camera sim: --blurry f/4 --sharp f/22"),
    _verb("capture resume session"),
    _verb(f"capture shoot shot {SHOOT}"),
    _verb("data align pairs/blurry/0.png pairs/sharp/0.png"),
    _verb("data audit pairs:. --on 2 --out ../audit"),
    _verb("data compensate pairs:pairs --on 2 --out compensated"),
    _verb("data curate pairs:pairs --on 2 --out curated"),
    _verb("data fetch release --out fetched"),
    _verb("data import session --on 2 --out dataset"),
    _verb("data list pairs:pairs"),
    _verb("data package pairs:pairs --to folder --card card.toml --on 2 --out package"),
    _verb("data patches pairs:pairs --side 64 --on 2 --out patches", codes=(0, 1)),
    _verb("data render request.toml --on 2 --out rendered"),
    _verb("data report pairs:pairs --on 2 --out page"),
    _verb(
        "data rig pairs/blurry/0.png pairs/sharp/0.png --out rig.toml", codes=(0, 1, 2)
    ),
    _verb("data sidecar pairs:pairs --on 2 --out sidecar"),
    _verb("data split pairs:pairs --on 2 --out split"),
    _verb("data verify release"),
    _verb("bench cost input"),
    _verb("bench evaluate input --dataset pairs:pairs --out study"),
    _verb("bench list"),
    _verb("bench published"),
    _verb("bench report --out study"),
    _verb("bench restore portrait.png --baseline wiener --out restored-by-bench"),
    _verb(
        "bench run --only input --only wiener --dataset pairs:pairs --on 2 --out beside"
    ),
    _verb("bench score pairs/blurry/0.png pairs/sharp/0.png"),
    _verb("bench status --out study"),
    _verb("bench table methods --out study"),
    _verb(f"bench train unet {STUDY} --out training"),
    _verb("bench weights add unet w.pth --label broken", codes=(2,)),
    _verb(
        "capture calibrate exposure --camera sim: --out calibration --yes",
        "calibration",
        (0, 1, 2),
    ),
    _verb("capture chart print --out chart.svg", "charts"),
    _verb("bench chart measure --systems input --blur 2", "charts"),
    _verb("bench export-weights defocus-m --to hub --out hub", "export", (0, 1, 2)),
    _verb("bench labs submit --out study --as mine.zip --lab A", "labs", (0, 1, 2)),
    _verb("capture log session --out log.html", "notebook"),
    _verb("capture live --camera sim: --frames 1", "pages"),
    _verb("capture review session --html review.html", "pages"),
    _verb("bench judge --out study --page judge.html", "people", (0, 1, 2)),
    _verb("data publish release --to zenodo --dry-run", "publish", (0, 1, 2)),
    _verb("data fuse pictures --out fused", "stacks", (0, 1, 2)),
    _verb("bench studies maps --dataset pairs:pairs", "studies", (0, 1, 2)),
    _verb("bench helsinki --make-text-free text-free", "text"),
)

BOTH_SHOTS = "pictures/IMG_0001.jpg pictures/IMG_0002.jpg"
"""No charts."""

ANY = (0, 1, 2)

SUBVERBS = (
    _verb("restore --list pictures"),
    *(
        _verb(f"capture calibrate {target} {CALIBRATE}", "calibration", (*ANY, 4))
        for target in ("breathing", "dust", "flat", "focus")
    ),
    _verb(
        "capture calibrate rig --camera blurry=sim: --camera sharp=sim: --out rig.json --yes",
        "calibration",
        ANY,
    ),
    _verb(
        "capture calibrate report calibration.json --out curves.html",
        "calibration",
        (2,),
    ),
    _verb(f"capture chart lens {BOTH_SHOTS} --out lens.json", "charts", (2,)),
    _verb("capture chart mtf portrait.png", "charts", (2,)),
    _verb("capture chart read portrait.png", "charts", (1,)),
    _verb("capture chart shoot session", "charts", (1,)),
    _verb("capture chart targets --out targets.svg", "charts"),
    _verb("capture config dump --camera sim: --out dump.json"),
    _verb("capture config get iso --camera sim:"),
    _verb("capture config restore words.json --camera sim:"),
    _verb("capture config set iso=200 --camera sim:", codes=(2,)),  # it keeps none
    _verb(
        f"bench chart my-lens {BOTH_SHOTS} --minutes 0.01 --out my-lens", "charts", (2,)
    ),
    _verb("bench labs board bundles --out board", "labs", (2,)),
    _verb("bench labs check bundles", "labs", (2,)),
    _verb("bench labs seal pairs:pairs --out sealed-again --key other-key", "labs"),
    _verb("bench labs unseal sealed --key key --out unsealed", "labs"),
    _verb("bench labs verify bundle.zip --dataset pairs:pairs", "labs"),
    _verb("bench studies ablate jdrl --dataset pairs:pairs --dry-run", "studies"),
    _verb("bench studies cross defocus-s --dataset pairs:pairs --dry-run", "studies"),
    _verb(
        "bench studies generalise --only input --test pairs:. --dry-run", "studies", ANY
    ),
    _verb("bench studies misalignment --only input --dry-run", "studies", ANY),
    _verb("bench studies render-doses request.toml --out doses", "studies", (2,)),
    _verb("bench weights check"),
    _verb("bench weights fetch lpips --from w.pth", codes=(2,)),
    _verb("bench weights list"),
    _verb("bench weights ship unet training --out shipped", codes=(2,)),
)
"""What the programs have besides :data:`VERBS`: each command of a group of verbs, and a list.

Some refuse what they are given."""

PREPARED_FOR_SUBVERBS = (
    _verb("capture config dump --camera sim: --out words.json"),
    _verb("bench labs seal pairs:pairs --out sealed --key key", "labs"),
    _verb("bench labs submit --out study --as bundle.zip --lab A", "labs"),
)


def prepare(folder: Path, run: RunCommand) -> None:
    """Fill a folder with pictures, a session, a release, a study, weights and settings."""
    for number in range(2):
        noise = np.random.default_rng(number).integers(
            0, 256, (12, 16, 3), dtype=np.uint8
        )
        sharp = Image.fromarray(noise).resize(SIZE)
        blurry = sharp.filter(ImageFilter.GaussianBlur(1))
        for root in (folder, folder / "pairs"):
            for role, picture in (("blurry", blurry), ("sharp", sharp)):
                path = root / role / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                picture.save(path)
    blurry.save(folder / "portrait.png")
    (folder / "pictures").mkdir()
    for number, (picture, f_number) in enumerate(((blurry, 4.0), (sharp, 22.0)), 1):
        taken = _exif(f_number, f"2026:11:20 10:00:0{number}")
        picture.save(folder / "pictures" / f"IMG_000{number}.jpg", exif=taken)
    (folder / "w.pth").write_bytes(b"no weights")
    (folder / "card.toml").write_text(CARD, encoding="utf-8")
    (folder / "request.toml").write_text(REQUEST, encoding="utf-8")
    (folder / "brief.toml").write_text(BRIEF, encoding="utf-8")
    shoot = f"capture shoot session {SHOOT}"
    package = (
        "data package pairs:pairs --to folder --card card.toml --out release --on 1"
    )
    study = "bench run --only input --dataset pairs:pairs --keep-outputs --out study"
    for line in (shoot, package, study):
        program, *words = line.split()
        run(f"defocus-{program}", *words)


def _exif(f_number: float, time: str) -> Image.Exif:
    """What a camera says of a shot."""
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "Camera"
    of_shot = exif.get_ifd(ExifTags.IFD.Exif)
    of_shot[ExifTags.Base.FNumber] = f_number
    of_shot[ExifTags.Base.ExposureTime] = f_number**2 / 4000
    of_shot[ExifTags.Base.ISOSpeedRatings] = 100
    of_shot[ExifTags.Base.DateTimeOriginal] = time
    return exif


def present(verbs: Sequence[Verb] = VERBS) -> list[Verb]:
    """The verbs that are in this copy."""
    return [verb for verb in verbs if verb.is_here]
