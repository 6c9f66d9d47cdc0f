"""realbokeh:DIR - RealBokeh: aperture series, f/2 to f/20 with f/22, by its metadata."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from defocus.datasets.layouts.layout import Described, read_described
from defocus.datasets.layouts.published_set import Completeness, wrong_pictures
from defocus.datasets.layouts.skip_missing import whole_pairs
from defocus.datasets.opening import opened
from defocus.datasets.pair import SPLITS, Dataset, Pair, ReaderCard, Split, sorted_by_id
from defocus.datasets.pair_files import legal_id, path_problem
from defocus.errors import DatasetError, FileError
from defocus.reading import read_bytes
from defocus.settings import document_problem

# In the folder of each split ``metadata/<number>.json`` names the pictures and their f-numbers,
# ``in/<number>_f22.JPG`` is f/22, and ``gt/<number>/<number>_f<stop>.JPG`` are all wider
# apertures. Pictures that the metadata does not name are not read. A TOML file that is given
# instead of the folder chooses other apertures: ``Apertures``.
FOLDERS = ("", "RealBokeh_3MP", "RealBokeh", "RealDefocus")
LARGEST_METADATA = 1_000_000
SAME_STOP = 0.05
"""Difference of f-numbers below which they count as equal."""

Stop = Annotated[float, Field(gt=0, lt=1000)]


class Apertures(Described):
    """Which apertures make a pair."""

    blurry: tuple[
        Stop, ...
    ] = ()  # f-numbers; empty for all that are wider than the sharp one
    sharp: Stop = 22.0


class _Metadata(BaseModel):
    """A metadata file, as its authors write it; further keys may come."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    source_image: str
    target_images: tuple[str, ...]
    source_av: Stop
    target_avs: tuple[Stop, ...]
    focal_length: float | None = None
    ISO: float | None = None
    EV: float | None = None
    focus_plane_distance: float | None = None

    @model_validator(mode="after")
    def _equally_many(self) -> "_Metadata":
        if len(self.target_images) != len(self.target_avs):
            raise ValueError("'target_images' and 'target_avs' differ in length")
        return self


@dataclass(frozen=True)
class SeriesPicture:
    """A picture of a series and its f-number."""

    path: Path
    f_number: float


@dataclass(frozen=True)
class Series:
    """All apertures of one scene, by f-number."""

    split: Split
    name: str  # a number, which begins again in each split
    pictures: tuple[SeriesPicture, ...]
    # focal length, ISO, exposure and focus distance, as far as stated
    facts: dict[str, float]


def located(path: Path) -> tuple[Path, Apertures]:
    """The dataset's folder and the chosen apertures, from the folder or a TOML file."""
    place, choice = (
        read_described(Apertures, path) if path.is_file() else (path, Apertures())
    )
    for folder in FOLDERS:
        root = place / folder
        if any((root / split / "metadata").is_dir() for split in SPLITS):
            return root, choice
    raise DatasetError(
        f"{place}: no realbokeh there, such as train/metadata/1.json; correct the path"
    )


def all_series(root: Path) -> Iterator[Series]:
    """The series of all splits, by number; metadata that name a file elsewhere are refused."""
    for split in SPLITS:
        folder = root / split / "metadata"
        files = folder.glob("[!.]*.json")
        for path in sorted(files, key=lambda path: (len(path.stem), path.stem)):
            yield _series(root / split, split, path)


def _series(folder: Path, split: Split, path: Path) -> Series:
    try:
        read = _Metadata.model_validate_json(read_bytes(path, LARGEST_METADATA))
    except FileError as error:
        raise DatasetError(f"{error}; restore it") from error
    except OSError as error:
        raise DatasetError(
            f"{path}: cannot be read ({error.strerror}); restore it"
        ) from error
    except ValidationError as error:
        problem = document_problem(error, "metadata")
        raise DatasetError(f"{path}: {problem}; restore the file") from error
    named = [(read.source_image, read.source_av)]
    named += zip(read.target_images, read.target_avs, strict=True)
    pictures = [
        SeriesPicture(_inside(folder, path, name), stop) for name, stop in named
    ]
    stated = {
        "focal_length_mm": read.focal_length,
        "iso": read.ISO,
        "exposure_ev": read.EV,
        "focus_distance_m": read.focus_plane_distance,
    }
    facts = {name: value for name, value in stated.items() if value is not None}
    return Series(
        split, path.stem, tuple(sorted(pictures, key=lambda one: one.f_number)), facts
    )


def _inside(folder: Path, origin: Path, name: str) -> Path:
    """A file that a metadata file names, relative to the split's folder."""
    if path_problem(name):
        raise DatasetError(
            f"{origin}: {name!r} is not a path inside the dataset; restore the file"
        )
    return folder / name


def chosen_pairs(series: Sequence[Series], choice: Apertures) -> Iterator[Pair]:
    """The pairs of the chosen apertures; series without the sharp one have none."""
    for one in series:
        sharp = next((p for p in one.pictures if _same(p.f_number, choice.sharp)), None)
        if sharp is None:
            continue
        for picture in one.pictures:
            if _wanted(picture.f_number, choice):
                yield _pair(one, picture, sharp)


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, abs_tol=SAME_STOP)


def _wanted(f_number: float, choice: Apertures) -> bool:
    if f_number > choice.sharp or _same(f_number, choice.sharp):
        return False
    return not choice.blurry or any(_same(f_number, stop) for stop in choice.blurry)


def _pair(series: Series, blurry: SeriesPicture, sharp: SeriesPicture) -> Pair:
    stops: dict[str, Any] = {
        "f_number_blurry": blurry.f_number,
        "f_number_sharp": sharp.f_number,
    }
    name = legal_id(f"{series.split}-{blurry.path.stem}")
    scene = f"{series.split}-{series.name}"
    metadata = MappingProxyType({**stops, **series.facts})
    return Pair(name, scene, series.split, blurry.path, sharp.path, metadata=metadata)


SCENES: dict[Split, int] = {"train": 3960, "validation": 220, "test": 220}
"""Number of metadata files of a complete copy."""

CARD = ReaderCard(
    title="RealBokeh, also called RealDefocus: aperture series at 3 megapixels",
    source="https://huggingface.co/datasets/timseizinger/RealBokeh_3MP",
    licence="CC-BY-NC-SA-4.0",
    redistributable=True,
    citation="Bokehlicious, ICCV 2025, arXiv 2503.16067",
    counts={"train": 20554, "validation": 1238, "test": 1257},
    sizes=((2000, 1500),),
    defects=(
        "made for bokeh rendering: the folder 'in' has the sharp pictures and 'gt' the blurry ones",
        "8-bit JPEG",
        "a hundredth of the training pairs are shifted by 2 to 5 px, another hundredth misaligned",
        "the folders hold some 4,400 pictures that no metadata file names; they are not read",
        "numbers of scenes begin again in each split",
    ),
)


def read(path: Path) -> Dataset:
    """Open the pairs that the metadata files name, or those of a TOML file's apertures."""
    root, choice = located(path)
    pairs = tuple(sorted_by_id(chosen_pairs(list(all_series(root)), choice)))
    if not pairs:
        raise DatasetError(f"{path}: no series has these apertures; choose other ones")
    whole = whole_pairs(pairs, f"realbokeh:{path}")
    return opened("realbokeh", root, whole, source="realbokeh")


def check(path: Path) -> Completeness:
    """Compare the folder with its metadata files, and their number with the published one."""
    root, _ = located(path)
    scenes = Counter[str]()
    blurry = Counter[str]()
    present = set()
    missing = []
    for one in all_series(root):
        scenes[one.split] += 1
        blurry[one.split] += len(one.pictures) - 1
        for picture in one.pictures:
            if picture.path.is_file():
                present.add(picture.path)
            else:
                missing.append(picture.path.relative_to(root).as_posix())
    for split in SPLITS:
        number = SCENES[split]
        lacking = number - scenes[split]
        if lacking > 0:
            missing.append(f"{split}: {lacking} of {number} metadata files")
    wrong = tuple(wrong_pictures(root, sorted(present), CARD))
    return Completeness(
        missing=tuple(missing), extra=(), wrong=wrong, counts=dict(blurry)
    )
