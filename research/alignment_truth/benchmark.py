"""Run the alignment benchmark in parallel; finished parts are kept."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any

from defocus.processes.workers import in_processes
from defocus.progress import say, track
from defocus.reading import read_json
from defocus.storage.files import make_folder, sha256_file, write_json
from research.alignment_truth.failures import RegistrationTrial, trial
from research.alignment_truth.methods import Members, answers
from research.alignment_truth.real_like.pair import real_like_pair
from research.alignment_truth.real_like.scene import scene_files
from research.alignment_truth.real_like.score import WarpScore, score_pair
from research.alignment_truth.rendered.pair import (
    FULL,
    FULL_WIDTH,
    STILL,
    Ranges,
    at_width,
    render_pair,
)
from research.alignment_truth.rendered.psf import ASYMMETRIC
from research.alignment_truth.rendered.textures import Split, Textures, load_textures
from research.alignment_truth.score import PairScore, score
from research.alignment_truth.stacks import (
    FrameScore,
    StackScore,
    score_frame,
    stack_frames,
)

Document = dict[str, Any]

SIZE = (384, 512)
"""Height and width of most pairs; shifts and parallax are those of 2048 px scaled by the width."""
FULL_SIZE = (1536, FULL_WIDTH)
REGISTRATION_SIZE = (288, 384)
TRIALS_AT_ONCE = 25


@dataclass(frozen=True)
class TruthSetting:
    """A kind of rendered pair."""

    name: str
    ranges: Ranges
    size: tuple[int, int]  # height and width
    count: int  # of pairs


TRUTH_REVISION = 1
"""Revision of the truth sets and of how methods are scored. Raise it when their numbers change."""


@dataclass(frozen=True)
class TruthPlan:
    """What is to be run.

    A fifth as many pairs more stand still, and a fiftieth as many are of full size."""

    split: Split  # of textures, layouts and point spread functions
    folders: tuple[Path, ...]  # of pictures for textures, besides those of scikit-image
    seed: int
    pairs: int
    trials: (
        int  # pairs for the global registration alone; a twentieth as many stand still
    )
    # of real focus stacks; real-like pairs take photographs from it
    stacks: Path | None
    methods: tuple[str, ...]
    revision: str  # of what is measured; stored results of another are not used
    jobs: int  # processes
    real_like: int = 0  # pairs with a known warp, of the photographs in the folders

    @property
    def rendered(self) -> bool:
        """Whether pairs with exact flow and stacks are scored, not only real-like pairs."""
        return self.pairs > 0 or self.trials > 0 or not self.real_like


@dataclass(frozen=True)
class TruthResults:
    """Results of the benchmark."""

    # by setting and method, in the order of the pairs
    scores: Mapping[str, Mapping[str, Sequence[PairScore]]]
    trials: Sequence[RegistrationTrial]
    # without misalignment, by asymmetric spread
    still_trials: Mapping[str, Sequence[RegistrationTrial]]
    frames: Sequence[FrameScore]  # of the real focus stacks
    real_like: Sequence[
        dict[str, WarpScore]
    ] = ()  # by method, for each pair with a known warp


def settings_of(plan: TruthPlan) -> tuple[TruthSetting, ...]:
    """The kinds of pairs of a plan that have at least one pair."""
    width = SIZE[1]
    settings = (
        TruthSetting(
            "pairs",
            at_width(FULL, width),
            SIZE,
            plan.pairs,
        ),
        TruthSetting(
            "still pairs",
            at_width(STILL, width),
            SIZE,
            plan.pairs // 5,
        ),
        TruthSetting(
            "full-size pairs",
            FULL,
            FULL_SIZE,
            plan.pairs // 50,
        ),
    )
    return tuple(setting for setting in settings if setting.count)


def run_benchmark(plan: TruthPlan, folder: Path) -> TruthResults:
    """Run the parts that the folder does not have yet."""
    textures = load_textures(plan.split, plan.folders)
    frames = [] if plan.stacks is None else stack_frames(plan.stacks)
    key = _key(plan, textures, frames)
    make_folder(folder)
    real_like = _real_like(plan, folder / "real-like pairs")
    if not plan.rendered:
        return TruthResults(
            {},
            [],
            {},
            [],
            real_like,
        )
    scores = {}
    for setting in settings_of(plan):
        scores[setting.name] = _setting_scores(plan, setting, folder, key)
    trials = _trials(folder / "trials", key, plan, FULL, plan.trials)
    still = _still_trials(plan, folder, key)
    work = partial(_framed, plan=plan)
    numbers = range(len(frames))
    stacks = _completed(folder / "stacks", key, work, numbers, plan)
    frame_scores = list(map(_frame_score, stacks))
    return TruthResults(scores, trials, still, frame_scores, real_like)


def _setting_scores(
    plan: TruthPlan,
    setting: TruthSetting,
    folder: Path,
    key: str,
) -> dict[str, list[PairScore]]:
    """The scores of each method on the pairs of a setting."""
    work = partial(_scored, plan=plan, setting=setting)
    numbers = range(setting.count)
    documents = _completed(folder / setting.name, key, work, numbers, plan)
    scores = {}
    for name in plan.methods:
        scores[name] = [_pair_score(document[name]) for document in documents]
    return scores


def _still_trials(
    plan: TruthPlan,
    folder: Path,
    key: str,
) -> dict[str, list[RegistrationTrial]]:
    """Trials of pairs without misalignment, by the asymmetry of their point spread."""
    still: dict[str, list[RegistrationTrial]] = {}
    for name in ASYMMETRIC:
        place = folder / f"still trials {name}"
        ranges = replace(STILL, families=(name,))
        still[name] = _trials(place, key, plan, ranges, plan.trials // 20)
    return still


def _real_like(plan: TruthPlan, folder: Path) -> list[dict[str, WarpScore]]:
    if not plan.real_like:
        return []
    files = scene_files(plan.split, plan.folders, plan.stacks)
    parts = [plan.seed, plan.revision, list(map(sha256_file, files))]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    work = partial(_warped, files=files, seed=plan.seed)
    documents = _completed(folder, key, work, range(plan.real_like), plan)
    pairs = []
    for document in documents:
        scores = {}
        for name, fields in document.items():
            scores[name] = WarpScore(**fields)
        pairs.append(scores)
    return pairs


def _warped(
    index: int,
    *,
    files: tuple[Path, ...],
    seed: int,
) -> Document:
    scores = score_pair(real_like_pair(files, seed, index))
    return {name: asdict(one) for name, one in scores.items()}


def _trials(
    folder: Path,
    key: str,
    plan: TruthPlan,
    ranges: Ranges,
    count: int,
) -> list[RegistrationTrial]:
    work = partial(_tried, plan=plan, ranges=at_width(ranges, REGISTRATION_SIZE[1]))
    documents = _completed(folder, key, work, range(0, count, TRIALS_AT_ONCE), plan)
    trials = []
    for document in documents:
        trials += [RegistrationTrial(**fields) for fields in document["trials"]]
    return trials[:count]


def _key(
    plan: TruthPlan,
    textures: Textures,
    frames: Sequence[tuple[Path, Path]],
) -> str:
    """Hash of everything that determines a stored result, except its number."""
    pictures = hashlib.sha256()
    for picture in textures.pictures:
        pictures.update(picture.tobytes())
    hashed = cache(sha256_file)  # all frames of a stack have one merged picture
    stacks = []
    for path in chain.from_iterable(frames):
        names = [path.parent.name, path.name]
        stacks.append([*names, hashed(path)])
    parts = [
        plan.split,
        plan.seed,
        plan.methods,
        plan.revision,
        pictures.hexdigest(),
        stacks,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _completed(
    folder: Path,
    key: str,
    work: Callable[[int], Document],
    numbers: range,
    plan: TruthPlan,
) -> list[Document]:
    """The results of all numbers, read if stored, else computed and stored."""
    make_folder(folder)
    files = {}
    stored = {}
    for number in numbers:
        files[number] = folder / f"{number:06d}.json"
        stored[number] = _stored(files[number], key)
    missing = [number for number in numbers if stored[number] is None]
    results = in_processes(partial(_numbered, work), missing, plan.jobs)
    for number, document in track(results, folder.name, total=len(missing)):
        write_json(files[number], {"key": key, **document})
        stored[number] = document
    return [document for document in stored.values() if document is not None]


def _numbered(
    work: Callable[[int], Document],
    number: int,
) -> tuple[int, Document]:
    return number, work(number)


def _stored(path: Path, key: str) -> Document | None:
    """A stored result of this plan and code, or None."""
    try:
        document = read_json(path)
        matches = document.pop("key") == key
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, AttributeError):
        say(f"{path}: damaged; it is made again")
        return None
    return document if matches else None


@cache
def _textures(split: Split, folders: tuple[Path, ...]) -> Textures:
    return load_textures(split, folders)


def _scored(
    index: int,
    *,
    plan: TruthPlan,
    setting: TruthSetting,
) -> Document:
    textures = _textures(plan.split, plan.folders)
    pair = render_pair(
        textures,
        setting.ranges,
        *setting.size,
        plan.seed,
        index,
    )
    members = Members(pair.blurry, pair.sharp)
    document = {}
    for name, answer, seconds in answers(members, plan.methods):
        document[name] = asdict(score(pair, answer, seconds))
    return document


def _tried(first: int, *, plan: TruthPlan, ranges: Ranges) -> Document:
    """Registrations of further pairs, with another seed than the settings."""
    textures = _textures(plan.split, plan.folders)
    trials = []
    for index in range(first, first + TRIALS_AT_ONCE):
        pair = render_pair(
            textures,
            ranges,
            *REGISTRATION_SIZE,
            plan.seed + 1,
            index,
        )
        registration = Members(pair.blurry, pair.sharp).registration
        trials.append(trial(pair, registration))
    return {"trials": list(map(asdict, trials))}


def _framed(number: int, *, plan: TruthPlan) -> Document:
    assert plan.stacks is not None  # noqa: S101 - there are no numbers without stacks
    frame, merged = stack_frames(plan.stacks)[number]
    return asdict(score_frame(frame, merged, plan.methods))


def _pair_score(document: Document) -> PairScore:
    sums = {}
    for name, (total, count) in document["sums"].items():
        sums[name] = (float(total), int(count))
    return PairScore(**{**document, "sums": sums})


def _frame_score(document: Document) -> FrameScore:
    scores = {}
    for name, fields in document["scores"].items():
        scores[name] = StackScore(**fields) if fields else None
    return FrameScore(**{**document, "scores": scores})
