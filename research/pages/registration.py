"""Counts which rendered pairs registration leaves out, and what remains in the others.

``python -m research.pages.registration full 2 4 8``: of ``manifest:full``, at these doses."""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.align.compensation.compensate import Release, plan_compensation
from defocus.align.measure import Measurement
from defocus.datasets.deriving.aligned_reference import measured_alone
from defocus.datasets.pair import Pair
from defocus.extras.studies.dose.pairs import at_dose, open_dosed
from defocus.progress import say, track
from defocus.reading import read_json
from defocus.storage.files import write_json
from research.alignment_truth.methods import flow_of
from research.pages import DOSE_STUDY

KEPT = DOSE_STUDY / "registration.json"
MOVED_PX, MOVED_SHARE = 0.1, 0.01
"""Least length of the local flow, px, and least share of the pixels that have it, for a pair to
count as moved by it."""

Array = NDArray[np.float64]


def main(folder: str, *doses_px: float) -> None:
    """Measure the training pairs at some doses of a dataset's folder, and write the result."""
    dataset = open_dosed(f"manifest:{folder}")
    doses = []
    for dose_px in doses_px:
        pairs = at_dose(dataset, dose_px).split("train")
        in_turn = track(pairs, f"measuring pairs of {dose_px:g} px")
        rows = [measured(pair) for pair in in_turn]
        doses.append({"dose_px": dose_px, "kinds": list(by_kind(rows))})
    write_json(KEPT, {"doses": doses})
    say(f"written: {KEPT}")


def measured(pair: Pair) -> dict[str, Any]:
    """Kind of a pair's motion, and its mean displacement before and after registration, px."""
    kind = read_json(pair.blurry.with_name("scene.json"))["kind"]
    sharp = pair.sharp
    flow_file = pair.flow
    if sharp is None or flow_file is None:
        raise ValueError(f"pair {pair.id} lacks its sharp picture or its flow")
    flow = np.load(flow_file)
    *_, measurement = measured_alone(pair.blurry, sharp, "dis")
    facts = {
        "kind": kind,
        "before_px": mean_length(flow),
        "known": measurement.field is not None,
    }
    if not facts["known"]:
        return facts
    size = flow.shape[1:]
    after = flow - whole_picture(measurement, size)
    local = local_flow(measurement, size)
    moved = np.hypot(*local) > MOVED_PX
    return facts | {
        "after_px": mean_length(after),
        "by_flow_px": mean_length(after - local),
        "moved_by_flow": float(moved.mean()) > MOVED_SHARE,
    }


def mean_length(flow: Array) -> float:
    """Mean length of a flow ``(2, H, W)``, px."""
    across, down = flow
    return float(np.hypot(across, down).mean())


def whole_picture(measurement: Measurement, size: tuple[int, ...]) -> NDArray[Any]:
    """Flow ``(2, H, W)`` of the measured transform of the whole picture."""
    matrix = measurement.misalignment.matrix
    if matrix is None:
        raise ValueError("the misalignment is unknown")
    return flow_of(matrix, size)


def local_flow(measurement: Measurement, size: tuple[int, ...]) -> Array:
    """Local flow ``(2, H, W)`` that the target ``registered-flow`` is moved by beside it."""
    plan = plan_compensation(measurement, size, Release("flow", photometric="match"))
    local = plan.placement.local
    if local is None:
        return np.zeros((2, *size))
    return np.asarray(local.field)


def by_kind(rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Counts of the pairs of each kind of motion, and means over those that could be measured."""
    pairs_of: dict[str, list[dict[str, Any]]] = {}
    for one in rows:
        pairs_of.setdefault(one["kind"], []).append(one)
    for kind, pairs in pairs_of.items():
        answered = [one for one in pairs if one["known"]]
        means = dict.fromkeys(("before_px", "after_px", "by_flow_px"))
        if answered:
            for name in means:
                lengths = [one[name] for one in answered]
                means[name] = float(np.mean(lengths))
        yield {
            "kind": kind,
            "pairs": len(pairs),
            "left_out": len(pairs) - len(answered),
            **means,
            "moved_by_flow": sum(one["moved_by_flow"] for one in answered),
        }


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folder")
    words.add_argument("doses_px", nargs="+", type=float)
    given = words.parse_args()
    main(given.folder, *given.doses_px)
