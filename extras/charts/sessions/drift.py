"""Drift over a session, by the shots of the test chart.

Every session that is opened imports this module; what reads charts is slow to import."""

from collections.abc import Mapping, Sequence

from defocus.capture.sessions.additions import OpenSession, SessionAddition, ShotWords
from defocus.capture.sessions.state import SessionState
from defocus.extras.charts.shooting.session_lines import LINES
from defocus.reports.model import Part


def _read(folder: OpenSession) -> None:
    from defocus.extras.charts.shooting.readings import read_left_charts

    read_left_charts(folder)


def _parts(state: SessionState) -> Sequence[Part]:
    from defocus.extras.charts.shooting.view import drift_parts

    return drift_parts(state)


def _words(state: SessionState) -> Mapping[str, ShotWords]:
    from defocus.extras.charts.shooting.view import drift_words

    return drift_words(state)


def _log_parts(state: SessionState) -> Sequence[Part]:
    from defocus.extras.charts.shooting.view import drift_log

    return drift_log(state)


ADDITION = SessionAddition(
    heading="Drift over the session",
    read=_read,
    parts=_parts,
    words=_words,
    log_heading="Test charts",
    log_parts=_log_parts,
    lines=LINES,
)
"""The test chart in a session: it is shot, read and compared."""
