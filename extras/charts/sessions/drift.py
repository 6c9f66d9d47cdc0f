"""Drift over a session, by the shots of the test chart."""

from defocus.capture.sessions.additions import SessionAddition
from defocus.extras.charts.shooting.readings import read_left_charts
from defocus.extras.charts.shooting.view import drift_log, drift_parts, drift_words

ADDITION = SessionAddition(
    heading="Drift over the session",
    read=read_left_charts,
    parts=drift_parts,
    words=drift_words,
    log_heading="Test charts",
    log_parts=drift_log,
)
