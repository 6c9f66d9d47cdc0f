"""zedd:DIR - ZEDD: five wide apertures with f/16 of the same focus distance."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from defocus.datasets.layouts.layout import Layout, Part
from defocus.datasets.layouts.published_set import PublishedSet
from defocus.datasets.pair import Pair, ReaderCard, Split
from defocus.errors import DatasetError

CARD = ReaderCard(
    title="ZEDD: 100 real scenes at nine focus distances and six apertures",
    source="https://huggingface.co/datasets/venkatsubra/ZEDD",
    licence="CC-BY-4.0",
    redistributable=True,
    citation="arXiv 2603.26658; code: github.com/princeton-vl/FOSSA",
    archive="https://huggingface.co/datasets/venkatsubra/ZEDD/resolve/main/ZEDD.zip",
    counts={"validation": 50 * 9 * 5, "test": 50 * 9 * 5},
    defects=(
        "8-bit JPEG",
        "made for depth: the depth of the test scenes is withheld, their pictures are complete",
        "f/16 keeps a small blur of its own far from the focal plane",
    ),
    unverified="size of the validation pictures; exposure and alignment of the apertures",
)

FOLDERS = ("", "ZEDD", "ZEDD/ZEDD")
FOLDER_OF: dict[Split, str] = {"validation": "val", "test": "test"}
STOPS = ("1.4", "2.0", "2.8", "4.0", "5.6")
SHARP_STOP = "16.0"
_NAME = re.compile(r"img_run_(\d+)_motor_[0-9A-Fa-f]+_aperture_F([\d.]+)")
_LARGEST_LIST = 1_000_000


def layout(run_of_sharp: str, motor_of_sharp: str) -> Layout:
    """The pairs of every wide aperture, with f/16 of one run: a placeholder, or fixed text."""
    parts = []
    others = []
    for split, folder in FOLDER_OF.items():
        sharp = _picture(folder, run_of_sharp, motor_of_sharp, SHARP_STOP)
        for stop in STOPS:
            part = Part(
                split=split,
                blurry=_picture(folder, "{run}", "{motor}", stop),
                sharp=sharp,
                id=f"{{scene}}-run{{run}}-f{stop}",
                scene="{scene}",
            )
            parts.append(part)
        others.append(f"{folder}/{{scene}}/gt/{{file}}.*")
        others.append(_picture(folder, "{run}", "{motor}", SHARP_STOP))
    return Layout(parts=tuple(parts), others=tuple(others))


def _picture(folder: str, run: str, motor: str, stop: str) -> str:
    return (
        f"{folder}/{{scene}}/focus_stack/img_run_{run}_motor_{motor}_aperture_F{stop}.*"
    )


def facts(root: Path, pairs: Sequence[Pair]) -> Mapping[str, Mapping[str, object]]:
    """F-numbers of each pair's members; focus distances in metres if ``metadata.txt`` is there."""
    distances = _distances(root / "metadata.txt")
    facts_of: dict[str, dict[str, object]] = {}
    for pair in pairs:
        own: dict[str, object] = {}
        for role, path in (("blurry", pair.blurry), ("sharp", pair.sharp)):
            name = _NAME.fullmatch(path.stem) if path else None
            if name is None:  # a mapping file may have other names
                continue
            own[f"f_number_{role}"] = float(name[2])
            if name[1] in distances:
                own[f"focus_distance_{role}_m"] = distances[name[1]]
        facts_of[pair.id] = own
    return facts_of


def _distances(path: Path) -> dict[str, float]:
    """Focus distance of each run, metres; lines are ``run_N``, motor position, distance."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", errors="replace") as file:
        lines = file.read(_LARGEST_LIST).splitlines()
    distances = {}
    for number, line in enumerate(lines, start=1):
        run = re.match(r"\s*run_(\d+)\b(.*)", line)
        if run is None:  # a comment, a heading, an empty line
            continue
        distance = re.search(r"(\d+(?:\.\d+)?)\s*m?\s*$", run[2])
        if distance is None:
            raise DatasetError(
                f"{path}: line {number} has no focus distance; restore the file"
            )
        distances[run[1]] = float(distance[1])
    return distances


SET = PublishedSet("zedd", CARD, (layout("{run}", "{motor}"),), FOLDERS, facts)
read, check = SET.read, SET.check
