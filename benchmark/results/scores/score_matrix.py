"""Scores of one run as an array, so that tables do not have to read a million rows."""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING, Any

from defocus.benchmark.results.scores.score import Score
from defocus.reading import parse_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MatrixLine", "ScoreMatrix", "pack", "score_matrix", "unpack"]


@dataclass(frozen=True)
class MatrixLine:
    """Key of a line of a matrix; ``reason`` is the first stored one for missing values."""

    profile: str
    protocol: str
    metric: str
    flow: str = ""
    flow_weights: str = ""
    reason: str = ""


@dataclass(frozen=True)
class ScoreMatrix:
    """Scores of one run: ``values`` is ``(places, pictures)`` float64, NaN if there is no value."""

    pictures: tuple[tuple[str, str], ...]
    places: tuple[MatrixLine, ...]
    values: "NDArray[np.float64]"


def score_matrix(scores: Sequence[Score]) -> ScoreMatrix:
    """Arrange the scores of one run."""
    import numpy as np

    pictures = tuple(sorted({(score.pair, score.scene) for score in scores if score.pair}))
    column = {picture: number for number, picture in enumerate(pictures)}
    facts: dict[tuple[str, str, str], MatrixLine] = {}
    for score in scores:
        where = (score.profile, score.protocol, score.metric)
        known = facts.get(where, MatrixLine(*where))
        facts[where] = MatrixLine(
            *where,
            known.flow or score.flow,
            known.flow_weights or score.flow_weights,
            known.reason or score.reason,
        )
    line = {where: number for number, where in enumerate(sorted(facts))}
    values = np.full((len(line), len(pictures)), np.nan)
    for score in scores:
        if score.value is not None and score.pair:
            where = (score.profile, score.protocol, score.metric)
            values[line[where], column[score.pair, score.scene]] = score.value
    return ScoreMatrix(pictures, tuple(facts[where] for where in sorted(facts)), values)


def pack(matrix: ScoreMatrix) -> tuple[str, bytes]:
    """Encode a matrix: names as JSON, values as little-endian float64."""
    names = [matrix.pictures, [astuple(place) for place in matrix.places]]
    return json.dumps(names, separators=(",", ":")), matrix.values.astype("<f8").tobytes()


def unpack(names: object, values: object) -> ScoreMatrix | None:
    """Decode what :func:`pack` encoded, without loss; None if it is damaged."""
    import numpy as np

    pictures: Any
    places: Any
    try:
        pictures, places = parse_json(names) if isinstance(names, str) else (None, None)
        if not (_all_texts(pictures, 2) and _all_texts(places, len(fields(MatrixLine)))):
            return None
        array: NDArray[Any] = np.frombuffer(values, "<f8").reshape(  # type: ignore[call-overload]
            len(places), len(pictures)
        )
    except (TypeError, ValueError):
        return None
    return ScoreMatrix(
        tuple((pair, scene) for pair, scene in pictures),
        tuple(MatrixLine(*each) for each in places),
        array,
    )


def _all_texts(rows: object, length: int) -> bool:
    """Whether these are lists of so many texts each."""
    return isinstance(rows, list) and all(
        isinstance(row, list) and len(row) == length and all(isinstance(one, str) for one in row)
        for row in rows
    )
