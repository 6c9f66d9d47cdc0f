"""hdc2021:DIR - Helsinki Deblur Challenge: text at 20 steps of blur, with the true text."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product, starmap
from pathlib import Path

from defocus.datasets.layouts.layout import Layout, Part
from defocus.datasets.layouts.published_set import Completeness, PublishedSet
from defocus.datasets.pair import Pair, ReaderCard
from defocus.errors import DatasetError

CARD = ReaderCard(
    title="HDC2021 (Helsinki Deblur Challenge): text on e-ink, 20 steps of defocus",
    source="https://doi.org/10.5281/zenodo.4916176",
    licence="not read; stated beside the files on Zenodo",
    redistributable=False,
    citation="Juvonen, Moura and Siltanen, Helsinki deblur challenge 2021, Inverse Problems and "
    "Imaging 2022, doi 10.3934/ipi.2022073",
    sizes=((2360, 1460),),
    defects=(
        "grey, 16-bit TIFF",
        "two cameras through a beam splitter: shift and lens distortion between them remain",
        "the blurry camera has the higher ISO",
        "no official split: split by sample, so that no text is in two splits at any step",
        "circles of confusion reach a radius of 99 px at step 13",
    ),
)

STEPS = tuple(range(20))
FONTS = {"Times": "timesR", "Verdana": "verdanaRef"}
SAMPLES = tuple(f"{number:04d}" for number in range(1, 101))
LONGEST_TEXT = 10_000


def _sample(step: int, font: str, camera: str) -> str:
    return f"step{step}/{font}/{camera}/focusStep_{step}_{FONTS[font]}_size_30_sample_{{name}}.*"


def _part(step: int, font: str) -> Part:
    return Part(
        blurry=_sample(step, font, "CAM02"),
        sharp=_sample(step, font, "CAM01"),
        id=f"step{step:02d}-{font}-{{name}}",
        scene=f"{font}-{{name}}",
        names=SAMPLES,
    )


def _targets() -> Iterator[str]:
    """Pictures that measure the blur of each step, which are no samples."""
    for step, camera in product(STEPS, ("CAM01", "CAM02")):
        for target in ("LSF_X", "LSF_Y", "PSF"):
            yield f"step{step}/Times/{camera}/focusStep_{step}_{target}.*"


LAYOUT = Layout(
    parts=tuple(starmap(_part, product(STEPS, FONTS))),
    others=tuple(_targets()),
)


def _texts(root: Path, pairs: Sequence[Pair]) -> Mapping[str, Mapping[str, object]]:  # noqa: ARG001 - it lies beside the pictures
    """True text of each pair, stored with the sharp or the blurry picture."""
    texts: dict[str, Mapping[str, object]] = {}
    for pair in pairs:
        beside = [
            path.with_suffix(".txt") for path in (pair.sharp, pair.blurry) if path
        ]
        text = next((path for path in beside if path.is_file()), None)
        if text is not None:
            texts[pair.id] = {"text": _text(text)}
    return texts


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return file.read(LONGEST_TEXT)
    except OSError as error:
        raise DatasetError(
            f"{path}: cannot be read ({error.strerror}); restore it"
        ) from error


SET = PublishedSet(
    "hdc2021",
    CARD,
    (LAYOUT,),
    ("", "HDC2021", "hdc2021"),
    _texts,
)
read = SET.read


def check(path: Path) -> Completeness:
    """Compare the folder with the 100 samples of both fonts at each of the 20 steps."""
    result = SET.check(path)
    root = path if path.is_file() else SET.located(path)[0]
    absent = () if path.is_file() else _absent(root)
    return Completeness(
        (*result.missing, *absent),
        result.extra,
        result.wrong,
        result.counts,
        result.pictures,
    )


def _absent(root: Path) -> Iterator[str]:
    """Fonts and steps without any file."""
    for step, font in product(STEPS, FONTS):
        place = f"step{step}/{font}"
        if not (root / place).is_dir():
            yield f"{place}: nothing there"
