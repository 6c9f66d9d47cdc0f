"""Scores of single pictures, kept while a run is evaluated: a stopped evaluation goes on.

A changed test picture is scored anew; the scores of the others stay."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from defocus.benchmark.evaluation.versions import (
    evaluation_version,
    facts_hash,
    metric_facts,
)
from defocus.benchmark.metrics.metric import Metric
from defocus.benchmark.results.run_folder import KEPT_SCORES
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.study.plan import Run
from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.pair_files import pair_contents
from defocus.reading import Json, parse_json
from defocus.storage.files import make_folder, storing


@dataclass(frozen=True)
class ScoresOfPicture:
    """Result of the evaluation of one picture."""

    scores: list[Score]
    shape: tuple[int, int]  # height and width of the restored picture, px
    # that its restoration took; None if other work was done beside it
    seconds: float | None
    cast: float  # colour cast, share of white
    tile_px: int = 0  # side of the tiles that it was restored in; 0 if at once


class KeptScores:
    """The kept scores of one run's pictures, by what each of them rests on."""

    def __init__(self, folder: Path, keys: Mapping[str, str]) -> None:
        self._path = folder / KEPT_SCORES
        self._keys = keys
        self._lines = _read(self._path)

    def of(self, pair: Pair) -> ScoresOfPicture | None:
        """The scores of a pair if its files, network and metrics are unchanged; else None."""
        line = self._lines.get(self._keys[pair.id])
        with contextlib.suppress(KeyError, TypeError, ValueError):
            if line is not None:
                height, width = line["shape"]
                scores = [Score(*one) for one in line["scores"]]
                return ScoresOfPicture(
                    scores,
                    (height, width),
                    line["seconds"],
                    line["cast"],
                    line.get("tile_px", 0),
                )
        return None

    def add(self, name: str, picture: ScoresOfPicture) -> None:
        """Keep the scores of a pair of that name."""
        scores = [astuple(one) for one in picture.scores]
        line = {"key": self._keys[name], "pair": name, **vars(picture)}
        make_folder(self._path.parent)
        with storing(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps({**line, 'scores': scores})}\n")


def score_keys(
    dataset: Dataset,
    run: Run,
    checkpoint: str,
    metrics: Mapping[str, Metric],
) -> dict[str, str]:
    """Hash of everything that the scores of each test pair rest on, by the pair's id."""
    # The weights, the way of restoring, the scoring revision, each metric and whether it can be
    # computed, and the pair: its files, scene and what is known of it.
    facts = [run.facts(), checkpoint, evaluation_version(), metric_facts(metrics)]
    common = json.dumps(facts, sort_keys=True)
    contents = pair_contents(dataset, "test")
    keys = {}
    for pair in dataset.split("test"):
        known = [common, contents[pair.id], pair.scene, dict(pair.metadata)]
        keys[pair.id] = facts_hash(known)
    return keys


def _read(path: Path) -> dict[str, Json]:
    """The lines by key; one that was cut short is left out."""
    lines: dict[str, Json] = {}
    with contextlib.suppress(FileNotFoundError):
        for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError, TypeError, KeyError):
                line = parse_json(text)
                lines[str(line["key"])] = line
    return lines
