"""Scores against injected misalignment, if the study measured that."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from defocus.benchmark.documents.section import Figures, Section
from defocus.benchmark.documents.study_view import ReportStudy
from defocus.benchmark.leaderboard.content import Content
from defocus.reading import read_json
from defocus.reports.model import Curve, Curves, Part

MISALIGNMENT = "misalignment.json"
"""File in a study's folder with scores against injected misalignment, if the study measured
them."""


def misalignment_curves(content: Content) -> list[Curves]:
    """Score against injected shift and zoom, if the folder has a study of these."""
    path = content.out / MISALIGNMENT
    if not path.is_file():
        return []
    document = read_json(path)
    conditions: list[dict[str, Any]] = document["conditions"]
    curves = []
    for name, label in (
        ("shift_px", "injected shift, px"),
        ("zoom", "injected zoom, less 1"),
    ):
        other = "zoom" if name == "shift_px" else "shift_px"
        chosen = sorted(
            (c for c in conditions if not c[other]),
            key=lambda c: float(c[name]),
        )
        if len({c[name] for c in chosen}) > 1:
            curves.append(_against(document["dataset"], chosen, name, label))
    return curves


def _against(
    dataset: str,
    chosen: list[dict[str, Any]],
    name: str,
    label: str,
) -> Curves:
    systems = set(chain.from_iterable(condition["psnr"] for condition in chosen))
    curves = []
    for system in sorted(systems):
        x, y = [], []
        for condition in chosen:
            psnr = condition["psnr"].get(system)
            if psnr is not None:
                x.append(float(condition[name]))
                y.append(float(psnr))
        curves.append(Curve(system, tuple(x), tuple(y)))
    caption = f"{dataset}: trained on misaligned pairs, scored against the truth"
    return Curves(caption, label, "PSNR, dB", tuple(curves))


def _build(study: ReportStudy) -> Sequence[Part]:
    return misalignment_curves(study.content)


def _figures(content: Content) -> Figures:
    return {"misalignment": misalignment_curves(content)}


SECTION = Section(
    "Misalignment",
    90,
    (MISALIGNMENT,),
    _build,
    figures=_figures,
)
