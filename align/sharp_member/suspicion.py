"""Pairs that differ from the other pairs of their session or data set, and in what.

A pair is compared with the others, and never with itself. If there are few others, only what is odd
by itself is reported."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from defocus.align.arrays import Doubles

LEAST_OTHERS = 8
"""Least number of other pairs with a number: fewer do not show how much good ones differ."""
SPREADS = 6.0
"""Number of standard deviations from the others within which a pair is like them."""
QUARTILE = 0.6745
"""Distance of a quartile from the median of a normal distribution, in standard deviations."""

Side = Literal["above", "below", "either"]
Numbers = Mapping[str, float]


@dataclass(frozen=True)
class Comparison:
    """A number of a pair that is compared with those of the others."""

    number: str  # its name
    least: float  # least distance from the median of the others that is said
    side: Side  # on which side of the others a fault lies
    text: str  # what may be the matter, with ``{}`` for the number
    alone: float | None = None  # from here on it is said of a pair that has no others
    # else a compensation mends it, or it is only a hint: no reason to reject the pair
    rejects: bool = True
    sure: float = 0.0  # a smaller number is no reason to reject either
    spreads: float = (
        SPREADS  # standard deviations within which a pair is like the others
    )


COMPARISONS = (
    Comparison("bands_ev", 0.03, "above", "bands of lamps along the rows, ± {:.2f} EV", 0.05),
    Comparison("smear", 0.45, "above", "motion or a double image, {:.0%} alike", 0.68),
    Comparison("shade_ev", 0.03, "above", "light changed over a part of it, ± {:.2f} EV", 0.12),
    Comparison(
        "tilt_ev", 0.05, "above", "light changed across the picture, by {:.2f} EV to either side",
    ),
    Comparison("corner_ev", 0.1, "above", "something covers a corner, {:.2f} EV", 0.8),
    Comparison(
        "moved_stops", 0.04, "above",
        "something moved or lies before the lens, {:.2f} stops that no blur explains",
    ),
    Comparison(
        "blurrier_share", 0.03, "above",
        "focused elsewhere or smoothed, the blurrier one in {:.0%} of what has texture",
    ),
    Comparison(
        "finer_stops", 0.15, "above",
        "focused elsewhere, moved or smoothed, {:.2f} stops less fine detail than the blurry one",
        rejects=False, spreads=3.0,
    ),
    Comparison(
        "elsewhere_share", 0.5, "above",
        "focused elsewhere, the blurrier one at {:.0%} of its edges",
        rejects=False,
    ),
    Comparison(
        "soft_px", 2.5, "above", "one half of it is out of focus, by {:.1f} px", 5.0, rejects=False,
    ),
    Comparison(
        "lost_stops", 0.35, "above",
        "noise reduction, {:+.1f} stops of detail that weak texture has less than edges",
    ),
    Comparison(
        "grain_stops", 0.3, "below", "noise reduction or blur, {:+.1f} stops of grain",
        rejects=False,
    ),
    Comparison(
        "dark_stops", 0.05, "above", "dust or a hair, {:.2f} stops darker in small places",
        sure=0.25,
    ),
    Comparison(
        "absent_discs", 0.5, "above",
        "dust, small dark discs ({:.0f}) that the blurry member does not have", 1.5, sure=4.0,
    ),
    Comparison(
        "dimmed_discs", 0.5, "above",
        "dust, dark discs ({:.0f}) in texture that the blurry member does not have", 0.9, sure=2.0,
    ),
    Comparison(
        "patch_stops", 0.45, "above",
        "a part of it is blurred, as by a drop on the lens, {:.1f} stops less fine detail than the "
        "blurry one there", 0.6, sure=0.9,
    ),
    Comparison(
        "oversharp_stops", 0.4, "above",
        "sharpened too much, {:.1f} stops more fine detail where the blurry one is crisp", 0.6,
        sure=1.2,
    ),
    Comparison(
        "softer_stops", 0.1, "above",
        "enlarged or smoothed, {:.1f} stops less fine detail where the blurry one is crisp", 0.25,
        rejects=False, spreads=3.0,
    ),
    Comparison(
        "enlarged", 0.5, "above", "it was enlarged by {:.0f}, interpolation has left traces", 0.9,
    ),
    Comparison(
        "block_codes", 0.6, "above",
        "strong compression, steps of {:.1f} codes of 255 at the borders of 8 px blocks", 0.9,
        sure=1.8,
    ),
    Comparison(
        "resting_discs", 5.0, "above",
        "dust, small dark discs ({:.0f}) that stay at their pixel in other pairs", 0.9,
        rejects=False,
    ),
    Comparison(
        "residual_p95_px", 0.4, "above", "its shape changed, {:.1f} px of residual flow",
        rejects=False,
    ),
    Comparison(
        "gain_ev", 0.15, "either", "exposed otherwise, {:+.2f} EV of blurry over sharp light",
        rejects=False,
    ),
    Comparison(
        "red_ev", 0.1, "either", "another white balance, red by {:+.2f} EV", rejects=False,
    ),
    Comparison(
        "blue_ev", 0.1, "either", "another white balance, blue by {:+.2f} EV", rejects=False,
    ),
)  # fmt: skip
"""All comparisons. docs/alignment.md says how the distances were found, and what they cost."""
EFFECTS = {"bands_ev": ("dark_stops",), "corner_ev": ("dark_stops",)}
"""Numbers that another fault raises too: a dark band or corner is darker in small places. A cause
stands before its effects in :data:`COMPARISONS`."""
_BY_NUMBER = {one.number: one for one in COMPARISONS}


@dataclass(frozen=True)
class Suspicion:
    """A number of a pair that is odd among the others."""

    number: str
    value: float
    # the median of the others; None of a pair that was judged alone
    usual: float | None
    size: float  # distance from it, over the largest that is usual; more than 1

    @property
    def rejects(self) -> bool:
        """Whether a pair with this oddity is rejected: only where the fault is certain."""
        comparison = _BY_NUMBER[self.number]
        return comparison.rejects and self.value >= comparison.sure

    @property
    def fault(self) -> str:
        """The suspected fault of the sharp member in words, without the numbers of other pairs."""
        return _BY_NUMBER[self.number].text.format(self.value)

    @property
    def text(self) -> str:
        """The suspected fault of the sharp member, in words."""
        if self.usual is None:
            return self.fault
        words = _BY_NUMBER[self.number].text
        form = words[words.index("{") : words.index("}") + 1]
        return f"{self.fault}; other pairs have {form.format(self.usual)}"


def numbers_of(rest: Mapping[str, Any]) -> dict[str, float]:
    """The numbers that are compared, of :meth:`Unexplained.to_json`; what is unknown is left out.

    More may be added: ``gain_ev``, ``residual_p95_px``, ``resting_discs``."""
    numbers = {**rest, **(rest.get("sharp_member") or {})}
    known = {}
    for name in _BY_NUMBER:
        value = numbers.get(name)
        if value is not None:
            known[name] = float(value)
    return known


def suspicions(numbers: Mapping[str, Numbers]) -> dict[str, tuple[Suspicion, ...]]:
    """Oddities of the pairs of a session or data set, by id; the most suspicious come first.

    ``numbers`` has those of each pair by name; a pair may lack some of them."""
    several: dict[str, list[Suspicion]] = {}
    for comparison in COMPARISONS:
        known = {}
        for name, pair in numbers.items():
            if comparison.number in pair:
                known[name] = pair[comparison.number]
        for name, suspicion in _suspected(comparison, known):
            several.setdefault(name, []).append(suspicion)
    ordered = []
    for name, own in several.items():
        with_effects = _with_effects(own)
        largest_first = sorted(with_effects, key=lambda suspicion: -suspicion.size)
        ordered.append((name, tuple(largest_first)))
    ordered.sort(key=lambda item: -item[1][0].size)
    return dict(ordered)


def _with_effects(own: list[Suspicion]) -> list[Suspicion]:
    """The suspicions of a pair; a cause is as suspicious as its effects, and comes before them."""
    size_of = {one.number: one.size for one in own}
    raised = []
    for one in own:
        effects = EFFECTS.get(one.number, ())
        sizes = [size_of[effect] for effect in effects if effect in size_of]
        raised.append(replace(one, size=max([one.size, *sizes])))
    return raised


def _suspected(
    comparison: Comparison,
    known: Mapping[str, float],
) -> Iterator[tuple[str, Suspicion]]:
    """The pairs whose number differs from that of the others, or is too large by itself."""
    values = np.array([*known.values()], np.float64)
    for index, (name, value) in enumerate(known.items()):
        alone = value / comparison.alone if comparison.alone else 0.0
        usual = None
        size = 0.0
        if len(values) > LEAST_OTHERS:
            usual, size = _unlike(comparison, value, np.delete(values, index))
        larger = max(alone, size)
        if larger > 1:
            yield name, Suspicion(comparison.number, value, usual, larger)


def _unlike(
    comparison: Comparison,
    value: float,
    others: Doubles,
) -> tuple[float, float]:
    """The median of the others, and the distance from it over the largest that is usual."""
    usual = float(np.median(others))
    distance = value - usual
    if comparison.side == "below" or (comparison.side == "either" and distance < 0):
        distance = -distance
        others = -others
    if distance <= comparison.least:  # so are most pairs: no spread is needed
        return usual, 0.0
    spread = comparison.spreads * _spread_above(others)
    return usual, distance / max(comparison.least, spread)


def _spread_above(values: Doubles) -> float:
    """Standard deviation of the values above their median, by a quartile: faults do not count."""
    median, upper = np.quantile(values, (0.5, 0.75))
    return float(upper - median) / QUARTILE
