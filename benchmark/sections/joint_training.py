"""The comparison of JDRL with the plain loss, first where a study made it alone."""

from collections.abc import Mapping, Sequence

from defocus.benchmark.reporting.figures.joint_training import (
    joint_training_parts,
    only_joint_training,
)
from defocus.benchmark.reporting.figures.picture_scores import PictureScores
from defocus.benchmark.section.section import Section
from defocus.benchmark.section.study import ReportStudy
from defocus.reports.model import Part

HEADING = "JDRL and the plain loss"


def _build(study: ReportStudy) -> Mapping[str, Sequence[Part]]:
    if study.lead:  # whose own answer compares them already
        return {}
    made_for_it = {one.board.name for one in study.pictures if _only_joint(one)}
    return study.by_dataset(
        HEADING,
        lambda one: joint_training_parts(study.content, one.board, study.kept),
        sorted(study.pictures, key=lambda one: one.board.name not in made_for_it),
    )


def _only_joint(scores: PictureScores) -> bool:
    """Whether a leaderboard has nothing but networks trained with and without JDRL."""
    return only_joint_training({s.first.system for s in scores.board.lines if not s.reference})


SECTION = Section(HEADING, 20, (), _build)
