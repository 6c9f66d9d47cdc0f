"""The twelve scenes and the three variants of the sample dataset, as data.

No picture is used in two splits, so no texture of a test scene appears in training.
"""

from dataclasses import dataclass

from defocus.datasets.rendering.scenes.scene import DrawnMisalignment, Scene
from defocus.datasets.rendering.scenes.shapes import Shape
from defocus.datasets.rendering.scenes.surfaces import Motorcycle, Plane, Slope
from defocus.errors import DatasetError

__all__ = ["SCENES", "VARIANTS", "Variant", "variant"]


@dataclass(frozen=True)
class Variant:
    """Settings of one variant of the dataset.

    Attributes:
        name: Name after ``sample:``; empty for ``sample`` itself.
        summary: One-line description.
        aperture_factor: Factor by which the lens is opened beyond the scene's own aperture.
        misalignment: Ranges from which the misalignment of each pair is drawn.
    """

    name: str
    summary: str
    aperture_factor: float
    misalignment: DrawnMisalignment

    @property
    def dataset(self) -> str:
        """The dataset's name on the command line."""
        return f"sample:{self.name}" if self.name else "sample"


_MILD = DrawnMisalignment(
    shift_px=(0.2, 0.55), zoom=(0.0002, 0.001), rotation_deg=(0.0, 0.03), gain_ev=(0.02, 0.12)
)
_STRONG = DrawnMisalignment(
    shift_px=(2.5, 5.0), zoom=(0.006, 0.014), rotation_deg=(0.05, 0.2), gain_ev=(0.02, 0.12)
)

VARIANTS = (
    Variant("", "12 rendered scenes, misalignment below 1 px", 1.0, _MILD),
    Variant("strong", "the same scenes, zoom and shift of several pixels", 1.0, _STRONG),
    Variant("wide", "the same scenes, circles of confusion beyond 15 px", 2.0, _MILD),
)


def variant(name: str) -> Variant:
    """The variant with that name.

    Raises:
        DatasetError: The name is unknown.
    """
    for candidate in VARIANTS:
        if candidate.name == name:
            return candidate
    known = ", ".join(candidate.dataset for candidate in VARIANTS)
    raise DatasetError(f"no sample dataset 'sample:{name}'; there are {known}")


SCENES = (
    Scene(
        "astronaut",
        "train",
        (
            Plane("astronaut", 1900.0, region=(0.0, 0.0, 1.0, 0.8)),
            Plane("immunohistochemistry", 1000.0, Shape("ring", -0.45, 0.1, 0.6)),
            Plane("brick", 640.0, Shape("star", 0.5, 0.25, 0.55, 20.0)),
        ),
        f_number=1.4,
    ),
    Scene(
        "launch",
        "train",
        (
            Plane("rocket", 3800.0),
            Plane("page", 1000.0, Shape("letters", -0.05, 0.1, 0.4, -8.0, text="DEFL")),
            Plane("camera", 720.0, Shape("disc", 0.45, -0.25, 0.4)),
        ),
        f_number=1.6,
    ),
    Scene(
        "wall",
        "train",
        (
            Slope("brick", 640.0, 3200.0, "right"),
            Plane("astronaut", 1100.0, Shape("disc", 0.3, 0.0, 0.62), (0.1, 0.0, 0.8, 0.5)),
        ),
        f_number=1.6,
    ),
    Scene(
        "tissue",
        "train",
        (
            Plane("immunohistochemistry", 1450.0),
            Plane("camera", 1000.0, Shape("square", 0.05, 0.02, 0.55, 12.0), (0.2, 0.0, 0.8, 0.5)),
            Plane("brick", 570.0, Shape("bars", 0.2, 0.0, 0.55, 4.0)),
        ),
        f_number=1.8,
    ),
    Scene(
        "photographer",
        "train",
        (
            Plane("camera", 1750.0),
            Plane("rocket", 1000.0, Shape("star", -0.4, 0.0, 0.6), (0.3, 0.0, 0.9, 1.0)),
            Plane("page", 650.0, Shape("letters", 0.25, 0.3, 0.3, 5.0, text="HELD")),
        ),
        f_number=1.4,
    ),
    Scene(
        "desk",
        "train",
        (
            Slope("page", 720.0, 2100.0, "up", grain=1.0),
            Plane("immunohistochemistry", 900.0, Shape("disc", -0.15, 0.12, 0.34)),
            Plane("astronaut", 1300.0, Shape("square", 0.16, -0.2, 0.3, -15.0), (0.2, 0, 0.7, 0.4)),
        ),
        size=(256, 384),
        f_number=1.4,
    ),
    Scene(
        "night",
        "train",
        (
            Plane("hubble_deep_field", float("inf"), region=(0.0, 0.0, 0.7, 0.6)),
            Plane("astronaut", 1000.0, Shape("disc", -0.3, 0.1, 0.7), (0.1, 0.0, 0.8, 0.5)),
            Plane("rocket", 700.0, Shape("ring", 0.45, -0.2, 0.45), (0.3, 0.1, 0.9, 0.9)),
        ),
    ),
    Scene(
        "lawn",
        "validation",
        (
            Slope("grass", 620.0, 3600.0, "up", grain=0.8),
            Plane("coins", 950.0, Shape("disc", -0.3, 0.05, 0.5)),
            Plane("coins", 1250.0, Shape("star", 0.4, -0.2, 0.4), (0.0, 0.5, 1.0, 1.0)),
        ),
        f_number=1.6,
    ),
    Scene(
        "cafe",
        "test",
        (
            Plane("coffee", 1500.0),
            Plane("gravel", 600.0, Shape("disc", -0.6, 0.35, 0.45)),
            Plane("chelsea", 1000.0, Shape("square", 0.5, -0.2, 0.4, 9.0), (0.1, 0.0, 0.7, 0.6)),
        ),
        f_number=1.8,
        size=(480, 320),
    ),
    Scene(
        "cat",
        "test",
        (
            Plane("chelsea", 1600.0),
            Plane("coffee", 1000.0, Shape("ring", 0.4, 0.2, 0.55)),
            Plane("retina", 600.0, Shape("bars", 0.1, 0.0, 0.7, -6.0), (0.2, 0.2, 0.8, 0.8)),
        ),
        f_number=1.4,
    ),
    Scene(
        "path",
        "test",
        (
            Slope("gravel", 660.0, 3000.0, "up", grain=0.8),
            Plane("coffee", 1000.0, Shape("star", -0.3, 0.0, 0.6), (0.2, 0.1, 0.8, 0.9)),
            Plane("retina", 1400.0, Shape("letters", 0.2, -0.22, 0.28, 3.0, text="FELT"),
                  (0.25, 0.3, 0.75, 0.7)),
        ),
        f_number=1.6,
    ),
    Scene(
        "motorcycle",
        "test",
        (Motorcycle(),),
        focus_mm=2900.0,
        f_number=1.0,
        focal_length_mm=105.0,
        size=(480, 320),
        sensor_width_mm=75.0,
    ),
)  # fmt: skip
