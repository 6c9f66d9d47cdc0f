"""What the rules would keep of a dataset, as it is and once it is compensated."""

from collections.abc import Sequence
from dataclasses import replace

from defocus.datasets.audit.pairs.usable import Usable
from defocus.datasets.audit.run import Audit
from defocus.datasets.curation.rules import Rules, judged
from defocus.datasets.step import MakingStep

__all__ = ["usable_pairs"]


def usable_pairs(
    audit: Audit, steps: Sequence[MakingStep] = (), rules: Rules | None = None
) -> Usable:
    """Sort the pairs of an audited dataset by what can be done with them under the rules."""
    # What was compensated already (``steps``) does not get better by it.
    asked = rules or Rules()
    done = any(one.step == "compensate" for one in steps)
    aligned = [
        pair if pair.misalignment_px is None else replace(pair, misalignment_px=0.0, gain_ev=0.0)
        for pair in audit.pairs
    ]
    later = judged(audit if done else replace(audit, pairs=tuple(aligned)), asked)
    now = [one.id for one in judged(audit, asked) if one.verdict == "accept"]
    passed = [one.id for one in later if one.verdict == "accept" and one.id not in set(now)]
    others = [(one.id, one.reason) for one in later if one.verdict == "reject"]
    return Usable(tuple(now), tuple(passed), tuple(others))
