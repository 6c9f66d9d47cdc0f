"""The pictures of each dataset, and the comparison of JDRL with the plain loss."""

from collections.abc import Mapping, Sequence

from defocus.benchmark.documents.figures.jdrl_effect import (
    joint_training_parts,
    only_joint_training,
)
from defocus.benchmark.documents.figures.picture_pages import (
    picture_parts,
    printed_pictures,
)
from defocus.benchmark.documents.figures.picture_scores import PictureScores
from defocus.benchmark.documents.section import Section
from defocus.benchmark.documents.study_view import ReportStudy
from defocus.reports.model import Part


def _build(study: ReportStudy) -> Mapping[str, Sequence[Part]]:
    parts = printed_pictures if study.printed else picture_parts
    return study.by_dataset("Pictures", lambda one: parts(one, study.kept))


SECTION = Section("Pictures", 100, (), _build, aside="Pictures")


HEADING = "JDRL and the plain loss"


def _joint_training(study: ReportStudy) -> Mapping[str, Sequence[Part]]:
    if study.lead:  # whose own answer compares them already
        return {}
    of_joint_training = {one.board.name for one in study.pictures if _only_joint(one)}
    return study.by_dataset(
        HEADING,
        lambda one: joint_training_parts(study.content, one.board, study.kept),
        sorted(study.pictures, key=lambda one: one.board.name not in of_joint_training),
    )


def _only_joint(scores: PictureScores) -> bool:
    """Whether a leaderboard has nothing but networks trained with and without JDRL."""
    return only_joint_training(
        {s.first.system for s in scores.board.lines if not s.reference}
    )


JOINT_TRAINING = Section(HEADING, 20, (), _joint_training)
