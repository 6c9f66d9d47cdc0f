"""Whether a rejected pair is taken again without a question."""

from defocus.capture.quality.verdict import Quality
from defocus.capture.sessions.state import PlannedPair
from defocus.progress import say


def is_taken_again(pair: PlannedPair, quality: Quality, attempt: int, retries: int) -> bool:
    """Whether ``--retake auto`` shoots a pair again: tries are left, and the next may differ."""
    if attempt <= retries and quality.lasting:
        say(f"{pair.id}  not shot again, another shot would show the same; change it first")
    return attempt <= retries and not quality.lasting
