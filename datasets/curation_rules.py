"""Rules that accept or reject pairs by their audit, with a reason."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import Field

from defocus.align.photometry.unexplained import (
    MONOCHROME,
    MOST_BLURRIER_SHARE,
    MOST_COLOUR_CHANGE,
    MOST_STOPS,
    MOST_TILT_EV,
)
from defocus.align.sharp_member.suspicion import Suspicion
from defocus.datasets.audit.pair_audit import QUANTILES, AuditedPair
from defocus.datasets.audit.run import Audit
from defocus.datasets.pair import MakingStep
from defocus.progress import counted
from defocus.settings import Settings, load_settings


@dataclass(frozen=True)
class Usable:
    """Ids of pairs by the outcome under a curation's rules; rejected ones with their reasons."""

    now: tuple[str, ...]
    # fail for their misalignment or light alone, which compensation changes
    compensated: tuple[str, ...]
    others: tuple[tuple[str, str], ...]

    @property
    def count(self) -> int:
        """Number of all pairs."""
        return len(self.now) + len(self.compensated) + len(self.others)

    @property
    def words(self) -> str:
        """The answer in a sentence."""
        if not self.compensated:
            sentence = f"{len(self.now)} of {counted(self.count, 'pair')} can be used"
        else:
            sentence = (
                f"{len(self.now)} of {counted(self.count, 'pair')} can be used as they are, "
                f"{len(self.compensated)} only after compensation"
            )
        return f"{sentence}, {len(self.others)} not" if self.others else sentence


Verdict: TypeAlias = Literal["accept", "reject"]
LOCAL_CAUSES = ("something moved", "dust or a mark")
UNKNOWN = "its misalignment is unknown"
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Size = Annotated[float, Field(ge=0.0)]


class Rules(Settings):
    """Requirements on a pair; None means no requirement."""

    most_misalignment_px: Size | None = 1.0  # mean displacement between the members
    # 95th percentile of the residual flow, beyond what the flow itself errs by
    most_residual_px: Size | None = 1.0
    most_gain_ev: Size | None = 0.5
    least_reliable_share: Share | None = None
    # 95th percentile of the blur, because a pair without blur teaches nothing
    least_blur_px: Size | None = None
    # of the reliable area that has ``least_blur_px``; None for a twentieth
    blurred_share: Share | None = None
    most_blur_px: Size | None = None  # 95th percentile of the blur
    least_sharpness: Size | None = None  # of the sharp member
    sharper: bool = True  # whether the sharp member must be the sharper one
    most_unexplained_stops: Size | None = (
        MOST_STOPS  # difference that the blur does not explain
    )
    # change of the light from the centre to a border
    most_light_across_ev: Size | None = MOST_TILT_EV
    # share of the texture where the sharp member is the blurrier one
    most_blurrier_share: Share | None = MOST_BLURRIER_SHARE
    # share by which the colours of one member are stronger
    most_colour_change: Size | None = MOST_COLOUR_CHANGE
    most_clipped_share: Share | None = 0.3  # of either member
    # difference of the sharp member from those of other pairs, over the largest that is usual
    most_suspicion: Annotated[float, Field(ge=1.0)] | None = 2.0
    unknown: Verdict = "reject"  # verdict where the misalignment could not be measured
    same_picture: Verdict = "reject"  # verdict where both members have the same pixels
    without_sharp: Verdict = "reject"  # verdict on a picture without a sharp member


@dataclass(frozen=True)
class Judgement:
    """Judgement of a pair; the reason is empty if it is accepted by rule."""

    id: str
    verdict: Verdict
    reason: str = ""
    by: Literal["rule", "person"] = "rule"


def read_rules(path: Path | None) -> Rules:
    """Read the rules of a TOML file, or return the default ones."""
    if path is None:
        return Rules()
    return load_settings(Rules, path)


def judged(audit: Audit, rules: Rules) -> tuple[Judgement, ...]:
    """Judge each pair in the audit's order; of a picture in two splits, the test pair is kept."""
    leaks = _leaks(audit)
    judgements = []
    for pair in audit.pairs:
        reasons = [*_reasons(pair, rules), *leaks.get(pair.id, ())]
        if not reasons:
            reasons = _suspicious(audit.suspects.get(pair.id, ()), rules)
        judgements.append(
            Judgement(pair.id, "reject" if reasons else "accept", "; ".join(reasons))
        )
    return tuple(judgements)


def _reasons(pair: AuditedPair, rules: Rules) -> list[str]:
    """Reasons to reject a pair; empty if it is accepted."""
    if pair.status == "unreadable":
        return [pair.reason]
    if pair.status == "no-sharp":
        return [pair.reason] if rules.without_sharp == "reject" else []
    if pair.same_picture and rules.same_picture == "reject":
        return ["blurry and sharp member are the same picture"]
    if pair.status == "unknown" and rules.unknown == "reject":
        return [f"{UNKNOWN}: {pair.reason}"]
    return list(filter(None, _limits(pair, rules)))


def _broken(
    name: str,
    value: float | None,
    *,
    unit: str = "",
    least: float | None = None,
    most: float | None = None,
) -> str:
    """How a value breaks a limit; empty if it does not, or is unknown."""
    if value is not None and least is not None and value < least:
        return f"{name} {value:.3g}{unit}, at least {least:g} is asked"
    if value is not None and most is not None and value > most:
        return f"{name} {value:.3g}{unit}, at most {most:g} is allowed"
    return ""


def _limits(pair: AuditedPair, rules: Rules) -> Iterator[str]:
    """How a measured pair breaks each rule; empty where it does not."""
    px = partial(_broken, unit=" px")
    gain = pair.gain_ev
    if gain is not None:
        gain = abs(gain)
    yield px("misalignment", pair.misalignment_px, most=rules.most_misalignment_px)
    yield px("residual flow", _residual(pair), most=rules.most_residual_px)
    yield _broken("exposure differs by", gain, unit=" EV", most=rules.most_gain_ev)
    least = rules.least_reliable_share
    yield _broken("reliable share", pair.reliable_share, least=least)
    yield px("blur", pair.blur_p95_px, most=rules.most_blur_px)
    yield px(*_blurred(pair, rules), least=rules.least_blur_px)
    yield from _sharpness_limits(pair, rules)
    yield from _light_limits(pair, rules)
    name = "the sharp member is focused elsewhere: share where it is the blurrier one"
    yield _broken(name, pair.blurrier_share, most=rules.most_blurrier_share)
    yield from _colour_limits(pair, rules)


def _sharpness_limits(pair: AuditedPair, rules: Rules) -> Iterator[str]:
    """How a pair breaks the rules on the sharpness of the sharp member."""
    sharpness = pair.fine_to_coarse
    blurry = pair.blurry_fine_to_coarse
    yield _broken("sharpness", sharpness, least=rules.least_sharpness)
    if rules.sharper and sharpness is not None and blurry and not pair.unevenly_lit:
        name = "the sharp member is not the sharper one: sharpness over blurry"
        yield _broken(name, sharpness / blurry, least=1.0)


def _light_limits(pair: AuditedPair, rules: Rules) -> Iterator[str]:
    """How a pair breaks the rules on light that differs across the picture."""
    stops = pair.unexplained_stops
    most = rules.most_unexplained_stops
    yield _broken(_local_cause(pair), stops, unit=" stops", most=most)
    name = "light changed across the picture by"
    most = rules.most_light_across_ev
    yield _broken(name, pair.light_across_ev, unit=" EV", most=most)


def _colour_limits(pair: AuditedPair, rules: Rules) -> Iterator[str]:
    """How a pair breaks the rules on colours and overexposure."""
    change = None if pair.unexplained is None else pair.unexplained.colour_change
    name = "colours of one member are stronger by"
    if (change or 0.0) > MONOCHROME:
        name = "one member has hardly any colours: those of the other are stronger by"
    yield _broken(name, change, most=rules.most_colour_change)
    clipped = {"sharp": pair.clipped_share, "blurry": pair.blurry_clipped_share}
    for role, share in clipped.items():
        name = f"the {role} member is overexposed: clipped share"
        yield _broken(name, share, most=rules.most_clipped_share)


def _suspicious(suspicions: Sequence[Suspicion], rules: Rules) -> list[str]:
    """Why a pair that keeps all other rules is surely unlike the others; empty if it is not."""
    most = rules.most_suspicion
    if most is None:
        return []
    allowed = f"at most {most:g} is allowed"
    reasons = []
    for one in suspicions:
        is_sure = one.rejects and one.size > most
        if is_sure:
            reasons.append(f"{one.text} (suspicion {one.size:.1f}, {allowed})")
    return reasons


def _local_cause(pair: AuditedPair) -> str:
    """Words before the number of unexplained light: what may be seen there."""
    words = "the blur does not explain"
    seen = []
    for cause in pair.causes:
        if cause.startswith(LOCAL_CAUSES):
            name, _, _ = cause.partition(":")
            seen.append(name)
    return f"{' and '.join(seen)}: {words}" if seen else words


def _residual(pair: AuditedPair) -> float | None:
    """Residual flow beyond two of its standard errors, in quadrature: errors lengthen a vector."""
    if pair.residual_p95_px is None or pair.residual_sigma_px is None:
        return pair.residual_p95_px
    beyond = pair.residual_p95_px**2 - (2 * pair.residual_sigma_px) ** 2
    return math.sqrt(max(beyond, 0.0))


def _blurred(pair: AuditedPair, rules: Rules) -> tuple[str, float | None]:
    """The blur that the named share of the area reaches or exceeds, with its name."""
    share = rules.blurred_share
    if share is None:
        return "blur", pair.blur_p95_px
    blur = None
    if pair.blur_quantiles_px:
        blur = float(np.interp(1 - share, QUANTILES, pair.blur_quantiles_px))
    return f"blur of the most blurred {100 * share:g} %", blur


KEPT_FIRST = ("test", "validation", "train")


def _leaks(audit: Audit) -> dict[str, list[str]]:
    """Reasons for pairs that are rejected because their picture is also in another split."""
    kept: dict[tuple[str, str, str], list[str]] = {}
    for twins in audit.duplicates:
        sides = zip(twins.splits, (twins.first, twins.second), strict=True)
        (split, stays), (_, gone) = sorted(
            sides, key=lambda side: KEPT_FIRST.index(side[0])
        )
        kept.setdefault((gone, twins.relation, split), []).append(stays)
    reasons: dict[str, list[str]] = {}
    for (gone, relation, split), stay in kept.items():
        reasons.setdefault(gone, []).append(_leak(relation, stay, split))
    return reasons


def _leak(relation: str, stay: Sequence[str], split: str) -> str:
    more = f" and {len(stay) - 1} more" if len(stay) > 1 else ""
    return f"{relation} {stay[0]}{more} in {split}"


def usable_pairs(
    audit: Audit, steps: Sequence[MakingStep] = (), rules: Rules | None = None
) -> Usable:
    """Sort the pairs of an audited dataset by what can be done with them under the rules."""
    # What was compensated already (``steps``) does not get better by it.
    asked = rules or Rules()
    compensated = any(one.step == "compensate" for one in steps)
    later = judged(audit if compensated else _aligned(audit), asked)
    now = [one.id for one in judged(audit, asked) if one.verdict == "accept"]
    accepted = set(now)
    passed = []
    others = []
    for one in later:
        if one.verdict == "reject":
            others.append((one.id, one.reason))
        elif one.verdict == "accept" and one.id not in accepted:
            passed.append(one.id)
    others += [(one.id, one.reason) for one in audit.outside]
    return Usable(tuple(now), tuple(passed), tuple(others))


def _aligned(audit: Audit) -> Audit:
    """The audit as if every measured pair were compensated."""
    pairs = []
    for pair in audit.pairs:
        if pair.misalignment_px is None:
            pairs.append(pair)
        else:
            pairs.append(replace(pair, misalignment_px=0.0, gain_ev=0.0))
    return replace(audit, pairs=tuple(pairs))
