"""Results of a study by dose, read from its store and its restored pictures."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import compress, starmap
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.evaluation.columns import PARTS
from defocus.benchmark.results.store import Results
from defocus.benchmark.study.attempt import load_run
from defocus.benchmark.study.plan import Run, Study, runs_of
from defocus.datasets.pair import Dataset
from defocus.extras.studies.ablation.ablation import AblationLine
from defocus.extras.studies.dose.analysis import (
    Effect,
    added_bend,
    agreement,
    gain,
    share_of_gap,
)
from defocus.extras.studies.dose.outputs.measures import (
    EDGES,
    LINES,
    OFFICIAL_GRID,
    nan_for_none,
    none_for_nan,
    restored_scores,
)
from defocus.extras.studies.dose.outputs.reblurring import reblur_losses
from defocus.extras.studies.dose.pairs import at_dose
from defocus.extras.studies.dose.plan import DoseStudy
from defocus.extras.studies.dose_dataset.run import PHOTOGRAPH

PROTOCOLS = ("gt", "input-aligned", "deformed-gt", OFFICIAL_GRID)
"""Protocols that are compared with the truth: does a protocol rank the lines as the truth does?"""

Array: TypeAlias = NDArray[np.float64]
Scores: TypeAlias = Mapping[str, Array]
"""Array ``(seeds, scenes)`` by name; NaN where a protocol has no target, or a picture lacks that
part."""

PSNR = "truth/psnr"
"""Name of the scores by which lines are compared."""

_PARTS = {("truth", part) for part in PARTS if part.startswith("psnr_")}


def dose_document(
    study: DoseStudy,
    studies: Sequence[Study],
    results: Results,
) -> dict[str, Any]:
    """Results of a finished study, as JSON values."""
    first = at_dose(study.dataset, study.doses[0])
    by_dose = []
    for dose in study.doses:
        content_hash = at_dose(study.dataset, dose).content_hash
        parts = [one for one in studies if one.dataset.content_hash == content_hash]
        by_dose.append(_at_one_dose(study, dose, parts, results))
    return {
        "objective": study.ablation.name,
        "network": study.network,
        "narrow": study.narrow,
        "dataset": study.dataset.name,
        "scenes": len(first.split("test")),
        "origins": _count_origins(first),
        "training_pairs": len(first.split("train")),
        "seeds": study.seeds,
        "plain": study.ablation.lines[0].label,
        "whole": study.ablation.lines[-1].label,
        "rivals": [line.label for line in study.rivals()],
        "controls": [line.label for line in study.controls()],
        "truth": study.ablation.controls[-1].label,
        "doses": by_dose,
    }


def _at_one_dose(
    study: DoseStudy,
    dose: float,
    parts: Sequence[Study],
    results: Results,
) -> dict[str, Any]:
    origins = _origins(at_dose(study.dataset, dose))
    scores: dict[str, Scores] = {}
    facts: dict[str, dict[str, Any]] = {}
    for line in study.lines():
        label = line.label
        runs = _runs_of_line(study, line, parts)
        scores[label] = _scores(runs, results)
        facts[label] = {
            "label": label,
            **_facts(runs),
            "reblur": _reblur(runs),
        }
    first = (*study.rivals(), study.ablation.lines[-1])[0].label
    compared = _references(study, scores, first, origins)
    lines = []
    for line in study.lines():  # two of them may have one label
        label = line.label
        lines.append(facts[label] | compared.of(scores[label]))
    gains = compared.rival[PSNR] - compared.plain[PSNR]
    over_plain = gains.mean(axis=0).tolist()
    plain = study.ablation.lines[0].label
    bends = _by_scene(compared.plain[LINES])
    return {
        "dose_px": dose,
        "lines": lines,
        "tau": _taus(scores, origins),
        "part_scenes": _part_scenes(compared.blurry),
        "scene_gains": {"line": first, "over_plain": over_plain},
        "scene_lines": {"line": plain, "line_px": bends},
    }


def _runs_of_line(
    study: DoseStudy,
    line: AblationLine,
    parts: Sequence[Study],
) -> list[tuple[Study, Run]]:
    """The trainings of a line, with the study that each belongs to."""
    name = study.systems([line])[0].card.name
    return [(part, run) for part, run in runs_of(parts) if run.system == name]


def _references(
    study: DoseStudy,
    scores: Mapping[str, Scores],
    rival: str,
    origins: Sequence[str],
) -> "_Compared":
    """The scores of the lines with which every line is compared."""
    ablation = study.ablation
    return _Compared(
        blurry=scores[study.blurry().label],
        plain=scores[ablation.lines[0].label],
        truth=scores[ablation.controls[-1].label],
        whole=scores[ablation.lines[-1].label],
        rival=scores[rival],
        origins=origins,
    )


def _part_scenes(blurry: Scores) -> dict[str, int]:
    """Number of scenes that have each part of the picture."""
    part_scenes = {}
    for name, values in blurry.items():
        if name.startswith(f"{PSNR}_"):
            part = name.removeprefix("truth/")
            part_scenes[part] = int(_known(values).sum())
    return part_scenes


@dataclass(frozen=True)
class _Compared:
    """The scores with which those of a line are compared, and the photograph of each scene."""

    blurry: Scores
    plain: Scores
    truth: Scores
    whole: Scores
    rival: Scores
    origins: Sequence[str]

    def of(self, own: Scores) -> dict[str, Any]:
        """What the scores of a line say beside the others."""
        # ``whole_over`` and ``rival_over`` are what the whole objective and the first rival gain
        # over the line; ``moved_px`` and ``bent_px`` what the training adds to the input's
        # displacement of edges and bend of lines; ``share`` is of the gap from plain loss to truth.
        origins = self.origins
        psnr = own[PSNR]
        before = self.blurry[PSNR]
        share = share_of_gap(psnr, self.plain[PSNR], self.truth[PSNR], origins)
        return {
            "means": _means(own),
            "over_plain": _over(self.plain, own, origins),
            "over_input": asdict(gain(psnr, before, origins)),
            "seeds_over_input": _by_seed(psnr - before),
            "parts_over_input": _over(self.blurry, own, origins),
            "whole_over": asdict(gain(self.whole[PSNR], psnr, origins)),
            "rival_over": asdict(gain(self.rival[PSNR], psnr, origins)),
            "moved_px": _added(gain, own[EDGES], self.blurry[EDGES], origins),
            "bent_px": _added(added_bend, own[LINES], self.blurry[LINES], origins),
            "share": None if share is None else asdict(share),
        }


def _means(scores: Scores) -> dict[str, float]:
    """Mean of each score over seeds and scenes, without those that have no value."""
    means = {}
    for name, values in scores.items():
        if np.isfinite(values).any():
            means[name] = float(np.nanmean(values))
    return means


def _count_origins(dataset: Dataset) -> int | None:
    """Number of photographs and textures behind the test scenes; None if a pair does not say."""
    if any(PHOTOGRAPH not in pair.metadata for pair in dataset.split("test")):
        return None
    return len(set(_origins(dataset)))


def _origins(dataset: Dataset) -> list[str]:
    """The photograph behind each test scene; the scene where that is a texture or unknown."""
    origins = []
    for pair in dataset.split("test"):
        origin = pair.metadata.get(PHOTOGRAPH) or pair.scene
        origins.append(str(origin))
    return origins


def _known(*values: Array) -> NDArray[np.bool_]:
    """The scenes that have all these values in all trainings."""
    known = [np.isfinite(one).all(axis=0) for one in values]
    return np.asarray(np.all(known, axis=0))


def _over(
    reference: Scores,
    own: Scores,
    origins: Sequence[str],
) -> dict[str, dict[str, float]]:
    """Gain over a line against the truth, of whole pictures and of their parts, dB."""
    effects = {}
    for name, values in own.items():
        if name not in reference or not name.startswith("truth/"):
            continue
        before = reference[name]
        known = _known(values, before)
        if known.any():
            scenes = list(compress(origins, known))
            effect = gain(values[:, known], before[:, known], scenes)
            effects[name.removeprefix("truth/")] = asdict(effect)
    return effects


def _added(
    measured: Callable[[Array, Array, list[str]], Effect],
    own: Array,
    blurry: Array,
    origins: Sequence[str],
) -> dict[str, float] | None:
    """Displacement that a training adds to the input's, px, over scenes measured in both."""
    is_number = _known(own, blurry)
    if not is_number.any():
        return None
    effect = measured(
        own[:, is_number],
        blurry[:, is_number],
        list(compress(origins, is_number)),
    )
    return asdict(effect) | {"scenes": int(is_number.sum())}


def _by_seed(gains: Array) -> list[float]:
    """Mean over the scenes for each training, dB."""
    return list(map(float, gains.mean(axis=1)))


def _by_scene(bends: Array) -> list[float | None]:
    """Mean over seeds; None where a scene has no line, or a seed does not show it."""
    means = bends.mean(axis=0)
    return none_for_nan(np.where(np.isfinite(means), means, np.nan))


def _taus(scores: Mapping[str, Scores], origins: Sequence[str]) -> dict[str, Any]:
    """Kendall's tau of each protocol, over the scenes that it can score."""
    taus: dict[str, Any] = {}
    for protocol in PROTOCOLS:
        name = f"{protocol}/psnr"
        is_number = _known(*(one[name] for one in scores.values()))
        if not is_number.any():
            taus[protocol] = None
            continue
        by_protocol, by_truth = {}, {}
        for label, of_line in scores.items():
            by_protocol[label] = of_line[name][:, is_number]
            by_truth[label] = of_line[PSNR][:, is_number]
        tau = agreement(by_protocol, by_truth, list(compress(origins, is_number)))
        if tau is None:
            taus[protocol] = None
        else:
            taus[protocol] = asdict(tau) | {"scenes": int(is_number.sum())}
    return taus


def _scores(runs: Sequence[tuple[Study, Run]], results: Results) -> Scores:
    """``protocol/metric`` to ``(seeds, scenes)``."""
    rows: dict[str, list[list[float]]] = defaultdict(list)
    for part, run in runs:
        for name, numbers in _stored_scores(part, run, results).items():
            rows[name].append(numbers)
        for name, values in restored_scores(part, run).items():
            where = f"{name}/psnr" if name == OFFICIAL_GRID else name
            rows[where].append(values)
    return {name: np.array(values) for name, values in rows.items()}


def _stored_scores(part: Study, run: Run, results: Results) -> dict[str, list[float]]:
    """``protocol/metric`` to a number for each test pair, NaN where it has none."""
    pairs = [pair.id for pair in part.dataset.split("test")]
    by_name: dict[str, dict[str | None, float | None]] = {}
    for score in results.scores(run.id):
        if score.metric == "psnr" or (score.protocol, score.metric) in _PARTS:
            name = f"{score.protocol}/{score.metric}"
            by_name.setdefault(name, {})[score.pair] = score.value
    numbers = {}
    for name, by_pair in by_name.items():
        numbers[name] = nan_for_none(map(by_pair.get, pairs))
    return numbers


def _reblur(runs: Sequence[tuple[Study, Run]]) -> dict[str, float] | None:
    """Reblurring losses of a line's trainings, means over the seeds."""
    losses = list(filter(None, starmap(reblur_losses, runs)))
    if not losses:
        return None
    means = {}
    for name in losses[0]:
        of_seeds = [one[name] for one in losses]
        means[name] = float(np.mean(of_seeds))
    return means


def _facts(runs: Sequence[tuple[Study, Run]]) -> dict[str, Any]:
    """System, steps and mean seconds of a line's trainings."""
    seconds = []
    for part, run in runs:
        if run.recipe:
            trained = load_run(*part.trained(run))
            seconds.append(trained.seconds)
    _, first = runs[0]
    steps = first.schedule.steps if first.recipe else 0
    return {
        "system": first.system,
        "steps": steps or 0,
        "seconds": float(np.mean(seconds)) if seconds else 0.0,
    }
