"""Score pictures restored by another program."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from defocus.align.flow.estimator import FlowEstimator
from defocus.benchmark.external_results.kept import keep, kept, key_of
from defocus.benchmark.external_results.matching import (
    CommonCentre,
    Crop,
    Match,
    Size,
    Subject,
    common_size,
    corner_of,
    nearly_equal,
    size_words,
)
from defocus.benchmark.external_results.mistakes import (
    Look,
    look,
    looked_at,
    orientation_of,
    warnings_of,
)
from defocus.benchmark.metrics.metric import Metric, find_metric
from defocus.benchmark.metrics.psnr import CAP_DB
from defocus.benchmark.scoring.profiles import (
    Profile,
    as_reference,
    as_restored,
    cropped,
    resized,
)
from defocus.benchmark.scoring.protocols import Target, everywhere, make_target
from defocus.benchmark.scoring.score import (
    MetricValue,
    PairScorer,
    Picture,
    fetch_weights,
    score_picture,
)
from defocus.cluster.dispatcher import each
from defocus.datasets.pair import Dataset
from defocus.errors import ImageError, NotApplicableError
from defocus.pictures.read import read_alike, read_image
from defocus.pictures.values import FULL, Image
from defocus.processes.isolation import LeftOut
from defocus.processes.machines import Where
from defocus.progress import track
from defocus.storage.files import sha256_file

Array = NDArray[np.float64]

CAPPED = f"psnr: {CAP_DB:g} dB stand for a picture that is identical to its reference, or nearly so"


@dataclass(frozen=True)
class ComparedPictures:
    """A restored picture with what it is compared with: ``(H, W, 3)`` in [0, 1], as stored."""

    profile: Profile
    restored: Array
    blurry: Array | None
    sharp: Array | None
    size: Size | None = None
    area: CommonCentre | None = None

    @property
    def corner(self) -> Size:
        """Row and column of the pair's pictures where the scored part begins."""
        whole = self.blurry if self.blurry is not None else self.sharp
        return (
            (0, 0)
            if self.size is None or whole is None
            else corner_of(whole, self.size)
        )

    def part(self, picture: NDArray[Any]) -> NDArray[Any]:
        """The scored part of a picture or mask."""
        if self.size is not None:
            top, left = corner_of(picture, self.size)
            height, width = self.size
            picture = np.ascontiguousarray(
                picture[top : top + height, left : left + width]
            )
        return cropped(picture, self.profile)


def read_pictures(
    subject: Subject,
    path: Path,
    profile: Profile,
    crop: Crop | None,
    *,
    with_sharp: bool,
) -> ComparedPictures:
    """Read a restored file and what it is compared with; ``crop`` is for nearly equal sizes."""
    files = {
        "blurry": subject.pair.blurry if subject.pair is not None else None,
        "sharp": subject.sharp if with_sharp else None,
    }
    given = [file for file in files.values() if file is not None]
    stored = _alike(path, given, None if subject.pair is None else subject.pair.white)
    restored = as_restored(stored[path], profile)
    stored_shape = restored.shape
    others: dict[str, Array | None] = dict.fromkeys(files)
    unequal: dict[Path, Array] = {}
    for kind, file in files.items():
        if file is not None:
            whole = as_reference(stored[file], profile)
            other = others[kind] = resized(whole, profile)
            if (
                restored.shape == stored_shape == whole.shape
            ):  # not yet at the profile's size
                restored = resized(restored, profile)
            if cropped(other, profile).shape != cropped(restored, profile).shape:
                unequal[file] = other
    pictures = ComparedPictures(profile, restored, others["blurry"], others["sharp"])
    if not unequal:
        return pictures
    if crop is None:
        raise ImageError(_refusal(path, pictures, unequal))
    return _centred(pictures, unequal)


def _alike(path: Path, others: Sequence[Path], known: int | None) -> dict[Path, Image]:
    """A restored picture and what it is compared with, by file; their largest integer is white."""
    # Pictures that are given have one white. Beside a dataset of 12 bits in 16, which is known, the
    # restored picture may have 16.
    if known is None:
        return read_alike([path, *others])
    restored = read_image(path, FULL if known == FULL else None)
    return {**read_alike(others, known), path: restored}


def _refusal(
    path: Path, pictures: ComparedPictures, unequal: Mapping[Path, Array]
) -> str:
    """Why pictures of unequal sizes are not scored, and what scores them."""
    near = all(
        nearly_equal(pictures.restored.shape, one.shape) for one in unequal.values()
    )
    offer = "; --crop centre scores what both have around the centre" if near else ""
    file, other = next(iter(unequal.items()))
    first, second = (
        size_words(cropped(one, pictures.profile).shape)
        for one in (pictures.restored, other)
    )
    if pictures.restored.shape[:2] == other.shape[:2][::-1]:
        offer += _said_of_turn(path, file)
    return f"{path} is {first} but {file} is {second}; sizes must be equal{offer}"


def _said_of_turn(*files: Path) -> str:
    """Which of two pictures, of which one lies on its side, has an orientation in its file."""
    for file in files:
        orientation = orientation_of(file)
        if orientation not in {None, 1}:
            return f"; {file} has orientation {orientation}, which is not applied: turn one of them"
    return "; one of them is turned"


def _centred(
    pictures: ComparedPictures, unequal: Mapping[Path, Array]
) -> ComparedPictures:
    """The same pictures, scored on the centre that all have in common."""
    sizes = [common_size(pictures.restored, other) for other in unequal.values()]
    size = min(height for height, _ in sizes), min(width for _, width in sizes)
    height, width = cropped(np.empty(size), pictures.profile).shape
    other = next(iter(unequal.values()))
    area = CommonCentre(
        size_words(pictures.restored.shape),
        size_words(other.shape),
        size_words((height, width)),
        height * width,
    )
    return replace(pictures, size=size, area=area)


Row = dict[str, Any]


@dataclass(frozen=True)
class Scoring:
    """Scores of the pictures of a folder; the keys of ``score --json`` but for ``reasons``."""

    profile: str
    images: list[Row]
    mean: Row
    missing: list[str]
    extra: list[str]
    notes: list[str]
    matched: str
    files: dict[str, str]
    left_out: tuple[LeftOut, ...] = ()
    cropped: dict[str, CommonCentre] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    reasons: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The keys of ``score --json``."""
        return {key: value for key, value in asdict(self).items() if key != "reasons"}


def score_outputs(
    matched: Match,
    profile: Profile,
    metrics: Mapping[str, Metric],
    estimator: FlowEstimator,
    dataset: Dataset | None = None,
    crop: Crop | None = None,
    where: Where = 1,
) -> Scoring:
    """Score restored pictures; one that fails is left out with its reason."""
    work = partial(_scored, PairScorer(dataset, estimator, metrics, profile), crop)
    looked = looked_at(len(matched.files))
    pictures = {
        subject.name: _GivenPicture(subject, path, number in looked)
        for number, (subject, path) in enumerate(matched.files)
    }
    if where != 1:
        fetch_weights(metrics)
    results = dict(track(each(work, pictures, where), "scoring", len(pictures)))
    reasons: dict[str, list[str]] = defaultdict(list)
    lacking: dict[str, dict[str, str]] = {}
    images: list[Row] = []
    left_out: list[LeftOut] = []
    areas: dict[str, CommonCentre] = {}
    looks: list[Look] = []
    for subject, _ in matched.files:
        result = results[subject.name]
        if isinstance(result, LeftOut):
            left_out.append(result)
            continue
        why = {
            metric: one.reason for metric, one in result.scores.items() if one.reason
        }
        lacking[subject.name] = why
        if result.scores["psnr"].value == CAP_DB:
            reasons[CAPPED].append(subject.name)
        for reason in dict.fromkeys(why.values()):
            named = ", ".join(metric for metric in why if why[metric] == reason)
            reasons[f"{named}: {reason}"].append(subject.name)
        if result.area is not None:
            areas[subject.name] = result.area
            reasons[_cropped(result.area)].append(subject.name)
        if result.look is not None:
            looks.append(result.look)
        values = {metric: result.scores[metric].value for metric in metrics}
        images.append({"name": subject.name, **values, **result.beside})
    notes = [
        text if len(names) == len(images) else f"{text} ({', '.join(names)})"
        for text, names in reasons.items()
    ]
    return Scoring(
        profile.name,
        images,
        _means(images, metrics, profile),
        matched.missing,
        matched.extra,
        notes,
        matched.words,
        {subject.name: path.name for subject, path in matched.files},
        tuple(left_out),
        areas,
        tuple(
            warnings_of(
                looks, "the sharp pictures" if dataset is None else "the blurry inputs"
            )
        ),
        lacking,
    )


def _cropped(area: CommonCentre) -> str:
    return (
        f"cropped to the common centre, {area.scored} ({area.px} px), of {area.restored} restored "
        f"and {area.reference}"
    )


def _means(
    images: Sequence[Row], metrics: Mapping[str, Metric], profile: Profile
) -> Row:
    """Means over the pictures that have a value."""
    keys = [
        *metrics,
        *dict.fromkeys(key for row in images for key in row if key != "name"),
    ]
    means: Row = {}
    for key in dict.fromkeys(keys):
        values = [float(row[key]) for row in images if row.get(key) is not None]
        means[key] = math.fsum(values) / len(values) if values else None
        if key == "psnr" and values and profile.mean == "errors":
            means[key] = _level_of_mean_error(values)
    return means


def _level_of_mean_error(levels_db: Sequence[float]) -> float:
    """PSNR of the mean squared error of all pictures, dB."""
    errors = [10 ** (-level / 10) for level in levels_db]
    return -10 * math.log10(math.fsum(errors) / len(errors))


@dataclass(frozen=True)
class _GivenPicture:
    """A picture to score, and whether mistakes of saving are looked for in it."""

    subject: Subject
    path: Path
    with_look: bool


class _Scored(NamedTuple):
    """Scores of one picture, what is shown beside them, and what was noticed."""

    scores: dict[str, MetricValue]
    beside: Row
    area: CommonCentre | None
    look: Look | None


SCORED = TypeAdapter(_Scored)


def _scored(scorer: PairScorer, crop: Crop | None, given: _GivenPicture) -> _Scored:
    """The scores of a picture: kept ones, if all that they rest on is as it was."""
    key = key_of(scorer, crop, given.subject, sha256_file(given.path), given.with_look)
    scored = kept(key, SCORED)
    if scored is None:
        scored = _newly_scored(scorer, crop, given)
        keep(key, SCORED, scored)
    else:
        _read(
            scorer, crop, given
        )  # what there is to say of the files is said each time
    return scored


def _read(
    scorer: PairScorer, crop: Crop | None, given: _GivenPicture
) -> ComparedPictures:
    with_sharp = not _is_registered(scorer, given.subject)
    return read_pictures(
        given.subject, given.path, scorer.profile, crop, with_sharp=with_sharp
    )


def _is_registered(scorer: PairScorer, subject: Subject) -> bool:
    """Whether the sharp picture of a pair is registered with the blurry one before."""
    return subject.pair is not None and scorer.profile.protocol == "input-aligned"


def _newly_scored(
    scorer: PairScorer, crop: Crop | None, given: _GivenPicture
) -> _Scored:
    subject, pictures = given.subject, _read(scorer, crop, given)
    restored = pictures.part(pictures.restored)
    blurry = None if pictures.blurry is None else pictures.part(pictures.blurry)
    beside = scorer.beside(restored, blurry)
    try:
        target = _target(subject, pictures, scorer)
    except NotApplicableError as error:
        nothing = MetricValue(None, str(error))
        scores = {**dict.fromkeys(scorer.metrics, nothing), **beside}
        return _Scored(scores, {}, pictures.area, None)
    scores = scorer.values(restored, target, beside)
    sharp = None if pictures.sharp is None else pictures.part(pictures.sharp)
    if sharp is not None and scorer.profile.protocol == "deformed-gt":
        parts = _unwarped(restored, target, sharp, scorer.profile)
    elif subject.pair is not None and blurry is not None and _in_place(scorer.profile):
        psnr, corner = scores["psnr"].value, pictures.corner
        parts = scorer.parts(subject.pair, restored, blurry, target, psnr, corner)
    else:
        parts = {}
    looked = None
    if given.with_look:
        unmoved = blurry if blurry is not None else sharp
        file = subject.sharp if subject.pair is None else subject.pair.blurry
        registered = _is_registered(scorer, subject)
        against = target.reference if registered or unmoved is None else unmoved
        looked = look(restored, against, file)
    return _Scored(scores, parts, pictures.area, looked)


def _in_place(profile: Profile) -> bool:
    """Whether a pixel of the scored part is that of the pair's maps, but for a corner."""
    return profile.size == 1 and profile.crop_from == "corner"


def _target(subject: Subject, pictures: ComparedPictures, scorer: PairScorer) -> Target:
    """What the scored part of a restored picture is compared with."""
    pair, protocol = subject.pair, scorer.profile.protocol
    if scorer.dataset is not None and pair is not None and protocol == "input-aligned":
        assert pictures.blurry is not None  # noqa: S101 - a pair has one
        whole = make_target(
            protocol, scorer.dataset, pair, pictures.blurry, scorer.estimator
        )
        if pictures.size is None:
            return whole
        part = pictures.part
        return replace(whole, reference=part(whole.reference), mask=part(whole.mask))
    if pictures.sharp is None:
        raise NotApplicableError("no sharp picture: the set has no ground truth")
    return scorer.target(
        pictures.part(pictures.sharp), pictures.part(pictures.restored)
    )


def _unwarped(
    restored: Picture, target: Target, sharp: Picture, profile: Profile
) -> Row:
    """Scores without warping, which a target that follows the output would hide."""
    errors = {name: find_metric(name) for name in ("psnr", "ssim")}
    plain = score_picture(restored, Target(sharp, everywhere(sharp)), profile, errors)
    unwarped = {f"{name}_unwarped": score.value for name, score in plain.items()}
    return {**unwarped, "flow_px": target.moved_px}
