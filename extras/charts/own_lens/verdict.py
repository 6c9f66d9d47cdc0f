"""Whether new weights are to be used: what they gain over the old ones scene by scene."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from scipy import stats

from defocus.benchmark.statistics.resampling import mean_intervals, scene_codes
from defocus.extras.charts.own_lens.gains import Gains

MOST_CHANCE = 0.025
"""Largest probability of a chance result: the part below the lower end of a 95 % interval."""
WORSE_DB = 0.1
"""Loss through other lenses, dB, that the label of the new weights does not mention."""


def sign_test(changes: Sequence[float]) -> float:
    """Exact sign test: probability that at least this many scenes gain; 1 if none changes."""
    signs = np.sign(np.asarray(changes, np.float64))
    changed = int(np.abs(signs).sum())
    if not changed:
        return 1.0
    gained = int((signs > 0).sum())
    return float(stats.binomtest(gained, changed, alternative="greater").pvalue)


@dataclass(frozen=True)
class WeightChange:
    """Gain of the new weights over the old ones in the same scenes, dB."""

    scenes: int
    better: int
    mean_db: float
    # its 95 % interval; None with too few scenes for one
    interval_db: tuple[float, float] | None
    chance: float  # see :func:`sign_test`

    @classmethod
    def of(cls, gains: Gains) -> Self:
        """The change of measured scenes."""
        changes = gains.change
        ends = mean_intervals(changes[None, None], scene_codes(gains.pairs))
        return cls(
            len(changes),
            int((changes > 0).sum()),
            float(changes.mean()),
            None if ends is None else (float(ends[0, 0]), float(ends[0, 1])),
            sign_test(changes.tolist()),
        )

    @property
    def words(self) -> str:
        """The mean difference with its interval, how many scenes gain, and whether by chance."""
        ends = self.interval_db
        interval = "" if ends is None else f" (95 %: {ends[0]:+.2f} to {ends[1]:+.2f})"
        counted = f"better in {self.better} of {self.scenes} (sign test: p = {self.chance:.2g})"
        return f"{self.mean_db:+.2f} dB{interval}, {counted}"


@dataclass(frozen=True)
class Verdict:
    """Worth of new weights through their own lens, and through others."""

    lens: WeightChange
    others: WeightChange

    @classmethod
    def of(cls, lens: Gains, others: Gains) -> Self:
        """The verdict on measured scenes."""
        return cls(WeightChange.of(lens), WeightChange.of(others))

    @property
    def recommended(self) -> bool:
        """Whether the new weights are shown to be better through their lens, by count and mean."""
        return not self.doubt

    @property
    def doubt(self) -> str:
        """Why the new weights are not recommended; empty if they are."""
        change = self.lens
        if change.chance > MOST_CHANCE:
            return (
                f"{change.better} of {change.scenes} scenes are better, which may be chance "
                f"(p = {change.chance:.2g}; {MOST_CHANCE:g} at most would show it)"
            )
        low = change.mean_db if change.interval_db is None else change.interval_db[0]
        if low <= 0:
            return "their mean gain over the general weights may be zero or a loss"
        return ""

    @property
    def worse_elsewhere(self) -> bool:
        """Whether the weights lose so much through other lenses that their label says so."""
        return self.others.mean_db < -WORSE_DB

    def words(self, lens: Gains) -> str:
        """The worth of the weights in words, and whether to use them."""
        change = self.others.mean_db
        guard = (
            f"Through other lenses they lose {-change:.2f} dB: use them for this lens alone."
            if self.worse_elsewhere
            else f"Through other lenses they change {change:+.2f} dB."
        )
        advice = (
            "" if self.recommended else f" Not recommended: {self.doubt}. {USE_OTHERS}"
        )
        return (
            f"On {self.lens.scenes} held-out scenes through this lens the new weights gain "
            f"{np.mean(lens.after):+.2f} dB over the blurry pictures, the general ones "
            f"{np.mean(lens.before):+.2f}: {self.lens.words}. {guard}{advice}"
        )

    def to_json(self) -> dict[str, Any]:
        """The object of ``my-lens --json``: numbers, and what follows from them."""
        return {
            "recommended": self.recommended,
            "doubt": self.doubt,
            "worse_through_others": self.worse_elsewhere,
            "most_chance": MOST_CHANCE,
            "lens": asdict(self.lens),
            "others": asdict(self.others),
        }


USE_OTHERS = "Use the general weights."
