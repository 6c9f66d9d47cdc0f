"""Optics of a bracket: blur, diffraction, depth of field and released size."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from defocus.capture.planning.exposure import Bracket
from defocus.scene.thin_lens import (
    Lens,
    airy_diameter_px,
    circle_of_confusion_px,
    depth_of_field_mm,
    release_scale,
)

__all__ = ["OpticsPlan", "OpticsRow", "make_optics_plan"]


@dataclass(frozen=True)
class OpticsRow:
    """Blur of an object at one distance; circle-of-confusion diameters in pixels, unsigned."""

    distance_mm: float
    blurry_coc_px: float
    sharp_coc_px: float


@dataclass(frozen=True)
class OpticsPlan:
    """The optics of a bracket; ``rows`` are circles of confusion at the requested distances."""

    wide: Lens
    narrow: Lens
    rows: tuple[OpticsRow, ...]
    picture_size_px: tuple[int, int] | None

    @property
    def airy_px(self) -> dict[str, float]:
        """Diameter of the Airy disc by role, px."""
        return {"blurry": airy_diameter_px(self.wide), "sharp": airy_diameter_px(self.narrow)}

    @property
    def depth_of_field_mm(self) -> dict[str, tuple[float, float]]:
        """Near and far limit of 1 px of blur by role."""
        return {"blurry": depth_of_field_mm(self.wide), "sharp": depth_of_field_mm(self.narrow)}

    @property
    def release_scale(self) -> float:
        """Reduction that limits diffraction and defocus of the sharp picture to 1 px."""
        return release_scale(self.narrow, [row.distance_mm for row in self.rows])

    @property
    def release_size_px(self) -> tuple[int, int] | None:
        """The largest release; None if the picture size is unknown."""
        if self.picture_size_px is None:
            return None
        width, height = self.picture_size_px
        return math.floor(width * self.release_scale), math.floor(height * self.release_scale)

    @property
    def release_limit(self) -> str:
        """What limits the size of the release."""
        worst = max((row.sharp_coc_px for row in self.rows), default=0.0)
        if self.release_scale == 1.0:
            return "nothing"
        return "depth of field" if worst > self.airy_px["sharp"] else "diffraction"

    def to_json(self) -> dict[str, Any]:
        """The optics as a JSON object; infinity is null."""
        limits = {
            role: {"near_mm": near, "far_mm": None if math.isinf(far) else far}
            for role, (near, far) in self.depth_of_field_mm.items()
        }
        return {
            "lens": asdict(self.wide),
            "airy_diameter_px": self.airy_px,
            "circle_of_confusion": [asdict(row) for row in self.rows],
            "depth_of_field": limits,
            "release": {
                "scale": self.release_scale,
                "size_px": self.release_size_px,
                "limit": self.release_limit,
            },
        }

    def lines(self) -> list[str]:
        """The optics as lines of text."""
        airy, size = self.airy_px, self.release_size_px
        scale = f"1/{1.0 / self.release_scale:.1f} of the width"
        largest = f"{size[0]} x {size[1]} px" if size else scale
        reduced = f"at most {largest}, limited by {self.release_limit}"
        return [
            f"Airy disc   blurry {airy['blurry']:.1f} px, sharp {airy['sharp']:.1f} px",
            "sharp zone  "
            + ", ".join(
                f"{role} {_zone(near / 1000, far / 1000)}"
                for role, (near, far) in self.depth_of_field_mm.items()
            )
            + " (blur up to 1 px)",
            f"release     {reduced if self.release_scale < 1.0 else 'in full size'}",
            *(
                f"at {row.distance_mm / 1000:6.2f} m  circle of confusion: "
                f"blurry {row.blurry_coc_px:.1f} px, sharp {row.sharp_coc_px:.1f} px"
                for row in self.rows
            ),
        ]


def make_optics_plan(
    lens: Lens,
    bracket: Bracket,
    distances_mm: Sequence[float],
    picture_size_px: tuple[int, int] | None,
) -> OpticsPlan:
    """The optics of a bracket; ``lens`` is the lens at the wide aperture."""
    narrow = replace(lens, f_number=bracket.sharp.f_number)
    rows = tuple(
        OpticsRow(distance, _diameter_px(distance, lens), _diameter_px(distance, narrow))
        for distance in distances_mm
    )
    return OpticsPlan(lens, narrow, rows, picture_size_px)


def _diameter_px(distance_mm: float, lens: Lens) -> float:
    return abs(float(circle_of_confusion_px(distance_mm, lens)))


def _zone(near_m: float, far_m: float) -> str:
    return f"{near_m:.2f} m to infinity" if math.isinf(far_m) else f"{near_m:.2f} to {far_m:.2f} m"
