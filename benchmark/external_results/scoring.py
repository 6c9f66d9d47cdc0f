"""Score pictures restored by another program."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

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
from defocus.benchmark.metrics.metric import find_metric
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
from defocus.datasets.pair import Pair
from defocus.errors import ImageError, NotApplicableError
from defocus.pictures.read import read_alike, read_image
from defocus.pictures.values import FULL, Image
from defocus.processes.isolation import LeftOut
from defocus.processes.machines import Where
from defocus.progress import several, track
from defocus.reading import Json
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

    def fits(self, other: Array) -> bool:
        """Whether the restored picture and another have equal sizes as they are scored."""
        shape = cropped(other, self.profile).shape
        return shape == cropped(self.restored, self.profile).shape

    def part(self, picture: NDArray[Any]) -> NDArray[Any]:
        """The scored part of a picture or mask."""
        if self.size is not None:
            top, left = corner_of(picture, self.size)
            height, width = self.size
            centre = picture[top : top + height, left : left + width]
            picture = np.ascontiguousarray(centre)
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
    pair = subject.pair
    blurry, white = (None, None) if pair is None else (pair.blurry, pair.white)
    sharp = subject.sharp if with_sharp else None
    files = [file for file in (blurry, sharp) if file is not None]
    restored, others = _at_one_size(_alike(path, files, white), path, files, profile)
    pictures = ComparedPictures(
        profile,
        restored,
        others.get(blurry),
        others.get(sharp),
    )
    unequal = {}
    for file in files:
        if not pictures.fits(others[file]):
            unequal[file] = others[file]
    if unequal and crop is None:
        raise ImageError(_refusal(path, pictures, unequal))
    return _centred(pictures, unequal) if unequal else pictures


def _at_one_size(
    stored: Mapping[Path, Image],
    path: Path,
    others: Sequence[Path],
    profile: Profile,
) -> tuple[Array, dict[Path | None, Array]]:
    """A restored picture and others, as a profile reads them; a restored one may be reduced."""
    restored = as_restored(stored[path], profile)
    references = {file: as_reference(stored[file], profile) for file in others}
    shapes = {one.shape for one in references.values()}
    if restored.shape in shapes:
        restored = resized(restored, profile)
    return restored, {file: resized(one, profile) for file, one in references.items()}


def _alike(path: Path, others: Sequence[Path], known: int | None) -> dict[Path, Image]:
    """A restored picture and what it is compared with, by file; their largest integer is white."""
    # Pictures that are given have one white. Beside a dataset of 12 bits in 16, which is known, the
    # restored picture may have 16.
    if known is None:
        return read_alike([path, *others])
    restored = read_image(path, FULL if known == FULL else None)
    return {**read_alike(others, known), path: restored}


def _refusal(
    path: Path,
    pictures: ComparedPictures,
    unequal: Mapping[Path, Array],
) -> str:
    """Why pictures of unequal sizes are not scored, and what scores them."""
    restored = pictures.restored
    offer = ""
    if all(nearly_equal(restored.shape, one.shape) for one in unequal.values()):
        offer = "; --crop centre scores what both have around the centre"
    file, other = next(iter(unequal.items()))
    first = size_words(cropped(restored, pictures.profile).shape)
    second = size_words(cropped(other, pictures.profile).shape)
    if restored.shape[:2] == other.shape[:2][::-1]:
        offer += _said_of_turn(path, file)
    return f"{path} is {first} but {file} is {second}; sizes must be equal{offer}"


def _said_of_turn(*files: Path) -> str:
    """Which of two pictures that are turned against each other has an orientation in its file."""
    for file in files:
        orientation = orientation_of(file)
        if orientation not in {None, 1}:
            return f"; {file} has orientation {orientation}, which is not applied: turn one of them"
    return "; one of them is turned"


def _centred(
    pictures: ComparedPictures,
    unequal: Mapping[Path, Array],
) -> ComparedPictures:
    """The same pictures, scored on the centre that all have in common."""
    sizes = [common_size(pictures.restored, other) for other in unequal.values()]
    heights, widths = zip(*sizes, strict=True)
    size = min(heights), min(widths)
    height, width = cropped(np.empty(size), pictures.profile).shape
    other = next(iter(unequal.values()))
    area = CommonCentre(
        size_words(pictures.restored.shape),
        size_words(other.shape),
        size_words((height, width)),
        height * width,
    )
    return replace(pictures, size=size, area=area)


Row = Json


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

    def to_json(self) -> Json:
        """The keys of ``score --json``."""
        return {key: value for key, value in asdict(self).items() if key != "reasons"}


def score_outputs(
    matched: Match,
    scorer: PairScorer,
    crop: Crop | None = None,
    where: Where = 1,
    notes: Sequence[str] = (),
) -> Scoring:
    """Score restored pictures; one that fails is left out with its reason."""
    looked = looked_at(len(matched.files))
    pictures = {}
    for number, (subject, path) in enumerate(matched.files):
        pictures[subject.name] = _GivenPicture(subject, path, number in looked)
    if where != 1:
        fetch_weights(scorer.metrics)
    work = each(partial(_scored, scorer, crop), pictures, where)
    results = dict(track(work, "scoring", len(pictures)))
    scored = {}
    left_out = []
    for name in pictures:
        result = results[name]
        if isinstance(result, LeftOut):
            left_out.append(result)
        else:
            scored[name] = result
    scoring = _scoring(matched, scorer, scored)
    if scorer.dataset is not None:
        left_out.extend(scorer.dataset.without())
    return replace(scoring, notes=[*notes, *scoring.notes], left_out=tuple(left_out))


def _scoring(
    matched: Match,
    scorer: PairScorer,
    scored: "Mapping[str, _Scored]",
) -> Scoring:
    images = []
    looks = []
    reasons = {}
    cropped = {}
    for name, one in scored.items():
        values = {metric: one.scores[metric].value for metric in scorer.metrics}
        images.append({"name": name, **values, **one.beside})
        reasons[name] = one.reasons
        if one.look is not None:
            looks.append(one.look)
        if one.area is not None:
            cropped[name] = one.area
    inputs = "the sharp pictures" if scorer.dataset is None else "the blurry inputs"
    return Scoring(
        scorer.profile.name,
        images,
        _means(images, scorer),
        matched.missing,
        matched.extra,
        list(_notes(scored)),
        matched.words,
        {subject.name: path.name for subject, path in matched.files},
        cropped=cropped,
        warnings=(*warnings_of(looks, inputs), *_said_of_spaces(matched, scored)),
        reasons=reasons,
    )


def _said_of_spaces(matched: Match, names: Collection[str]) -> Iterator[str]:
    """A warning on scored pictures whose files mean other colours than their references."""
    from defocus.pictures.profiles import in_two_spaces  # few commands need it

    apart = []
    for subject, path in matched.files:
        sharp, pair = subject.sharp, subject.pair
        if subject.name not in names or sharp is None:
            continue
        # members of a pair in two spaces are converted where they are read
        if pair is not None and in_two_spaces(pair.blurry, sharp):
            continue
        if in_two_spaces(path, sharp):
            apart.append(subject.name)
    if apart:
        yield (
            f"{several(apart)}: the files of restored and sharp mean different colours by the same "
            "numbers, which are compared as they are; convert both to sRGB"
        )


def _notes(scored: "Mapping[str, _Scored]") -> Iterator[str]:
    """Notes on values, with the names of the pictures if not all are concerned."""
    pictures: dict[str, list[str]] = defaultdict(list)
    for name, one in scored.items():
        if one.scores["psnr"].value == CAP_DB:
            pictures[CAPPED].append(name)
        metrics: dict[str, list[str]] = defaultdict(list)
        for metric, reason in one.reasons.items():
            metrics[reason].append(metric)
        for reason, lacking in metrics.items():
            note = f"{', '.join(lacking)}: {reason}"
            pictures[note].append(name)
        if one.area is not None:
            pictures[_cropped(one.area)].append(name)
    for note, names in pictures.items():
        everywhere = len(names) == len(scored)
        yield note if everywhere else f"{note} ({', '.join(names)})"


def _cropped(area: CommonCentre) -> str:
    return (
        f"cropped to the common centre, {area.scored} ({area.px} px), of {area.restored} restored "
        f"and {area.reference}"
    )


def _means(images: Sequence[Row], scorer: PairScorer) -> Row:
    """Means over the pictures that have a value."""
    keys = dict.fromkeys([*scorer.metrics, *chain.from_iterable(images)])
    keys.pop("name", None)
    means: Row = {}
    for key in keys:
        values = [float(row[key]) for row in images if row.get(key) is not None]
        if key == "psnr" and values and scorer.profile.mean == "errors":
            means[key] = _level_of_mean_error(values)
        else:
            means[key] = math.fsum(values) / len(values) if values else None
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

    @property
    def reasons(self) -> dict[str, str]:
        """Why values are missing, by metric."""
        return {name: one.reason for name, one in self.scores.items() if one.reason}


SCORED = TypeAdapter(_Scored)


def _scored(scorer: PairScorer, crop: Crop | None, given: _GivenPicture) -> _Scored:
    """The scores of a picture: kept ones, if all that they rest on is as it was."""
    key = key_of(scorer, crop, given.subject, sha256_file(given.path), given.with_look)
    scored = kept(key, SCORED)
    if scored is None:
        scored = _newly_scored(scorer, crop, given)
        keep(key, SCORED, scored)
    else:
        # what there is to say of the files is said each time
        _read(scorer, crop, given)
    return scored


def _read(
    scorer: PairScorer,
    crop: Crop | None,
    given: _GivenPicture,
) -> ComparedPictures:
    with_sharp = not _is_registered(scorer, given.subject)
    return read_pictures(
        given.subject,
        given.path,
        scorer.profile,
        crop,
        with_sharp=with_sharp,
    )


def _is_registered(scorer: PairScorer, subject: Subject) -> bool:
    """Whether the sharp picture of a pair is registered with the blurry one before."""
    return subject.pair is not None and scorer.profile.protocol == "input-aligned"


def _newly_scored(
    scorer: PairScorer,
    crop: Crop | None,
    given: _GivenPicture,
) -> _Scored:
    pictures = _read(scorer, crop, given)
    restored = pictures.part(pictures.restored)
    blurry = None if pictures.blurry is None else pictures.part(pictures.blurry)
    beside = scorer.beside(restored, blurry)
    try:
        target = _target(given.subject, pictures, scorer)
    except NotApplicableError as error:
        nothing = MetricValue(None, str(error))
        scores = {**dict.fromkeys(scorer.metrics, nothing), **beside}
        return _Scored(scores, {}, pictures.area, None)
    scores = scorer.values(restored, target, beside)
    psnr = scores["psnr"].value
    parts = _parts(scorer, given.subject.pair, pictures, target, psnr)
    looked = _look(scorer, given, pictures, target) if given.with_look else None
    return _Scored(scores, parts, pictures.area, looked)


def _parts(
    scorer: PairScorer,
    pair: Pair | None,
    pictures: ComparedPictures,
    target: Target,
    psnr: float | None,
) -> Row:
    """Scores that are shown next to the others: those without warping, or those of parts."""
    restored, profile = pictures.part(pictures.restored), scorer.profile
    if pictures.sharp is not None and profile.protocol == "deformed-gt":
        return _unwarped(restored, target, pictures.part(pictures.sharp), profile)
    if pair is None or pictures.blurry is None or not _in_place(profile):
        return {}
    blurry = pictures.part(pictures.blurry)
    return scorer.parts(pair, restored, blurry, target, psnr, pictures.corner)


def _look(
    scorer: PairScorer,
    given: _GivenPicture,
    pictures: ComparedPictures,
    target: Target,
) -> Look | None:
    """Mistakes that show next to the picture that the restored one should lie on."""
    pair, sharp = given.subject.pair, given.subject.sharp
    unmoved = pictures.sharp if pictures.blurry is None else pictures.blurry
    reference = target.reference
    if unmoved is not None and not _is_registered(scorer, given.subject):
        reference = pictures.part(unmoved)
    restored = pictures.part(pictures.restored)
    return look(restored, reference, sharp if pair is None else pair.blurry)


def _in_place(profile: Profile) -> bool:
    """Whether pixels of the scored part are those of the pair's maps, except for a border."""
    return profile.size == 1 and profile.crop_from == "corner"


def _target(subject: Subject, pictures: ComparedPictures, scorer: PairScorer) -> Target:
    """The reference of the scored part of a restored picture."""
    pair, protocol = subject.pair, scorer.profile.protocol
    if scorer.dataset is not None and pair is not None and protocol == "input-aligned":
        assert pictures.blurry is not None  # noqa: S101 - a pair has one
        whole = make_target(
            protocol,
            scorer.dataset,
            pair,
            pictures.blurry,
            scorer.estimator,
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
    restored: Picture,
    target: Target,
    sharp: Picture,
    profile: Profile,
) -> Row:
    """Scores without warping, which a target that follows the output would hide."""
    metrics = {name: find_metric(name) for name in ("psnr", "ssim")}
    in_place = Target(sharp, everywhere(sharp))
    scores: Row = {}
    for name, score in score_picture(restored, in_place, profile, metrics).items():
        scores[f"{name}_unwarped"] = score.value
    scores["flow_px"] = target.moved_px
    return scores
