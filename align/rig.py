"""Rig of two cameras behind a beam splitter: the map from the second picture to the first.

The blurry member is never resampled, unlike in Rim et al., Real-World Blur Dataset (ECCV 2020)."""

from pathlib import Path
from typing import Annotated, TypeAlias

import cv2
import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from defocus.align.arrays import Doubles
from defocus.settings import Settings, load_settings
from defocus.storage.files import write_text

Row: TypeAlias = tuple[float, float, float]
Matrix: TypeAlias = tuple[Row, Row, Row]
Side: TypeAlias = Annotated[int, Field(gt=1)]
Size: TypeAlias = tuple[Side, Side]
FAR = 1e9
SMALLEST_ZOOM = 0.125
"""Least zoom between two cameras: pixels of the sharp picture per pixel of the blurry one."""
LARGEST_ZOOM = 8.0
UNDISTORTED = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-10)


def matrix_rows(matrix: Doubles) -> Matrix:
    """A ``(3, 3)`` matrix as a settings file has it."""
    first, second, third = np.asarray(matrix).tolist()
    return tuple(first), tuple(second), tuple(third)


class LensCalibration(Settings):
    """Lens calibration in OpenCV's form: fx 0 cx, 0 fy cy, 0 0 1, px; k1, k2, p1, p2, k3."""

    matrix: Matrix  # fx 0 cx, 0 fy cy, 0 0 1, in pixels
    distortion: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)

    def undistorted(self, x: Doubles, y: Doubles) -> tuple[Doubles, Doubles]:
        """Positions that a lens without distortion would give, in pixels."""
        matrix = np.array(self.matrix)
        points = np.stack([x, y], axis=-1)
        points = points.reshape(-1, 1, 2)
        # OpenCV 4 has both
        undistort = getattr(cv2, "undistortPointsIter", cv2.undistortPoints)
        straight = undistort(
            points,
            matrix,
            np.array(self.distortion),
            None,
            matrix,
            criteria=UNDISTORTED,
        )
        places = np.asarray(straight, np.float64)
        places = places.reshape(*x.shape, 2)
        return places[..., 0], places[..., 1]

    def distorted(self, x: Doubles, y: Doubles) -> tuple[Doubles, Doubles]:
        """Positions in the lens's picture for undistorted ones (OpenCV, five coefficients)."""
        (fx, _, cx), (_, fy, cy), _ = self.matrix
        u = (x - cx) / fx
        v = (y - cy) / fy
        across, down = self._distorted_ray(u, v)
        return fx * across + cx, fy * down + cy

    def _distorted_ray(self, u: Doubles, v: Doubles) -> tuple[Doubles, Doubles]:
        """The ray (u, v, 1) behind the lens: k is its radial distortion, p its decentring.

        u' = u (1 + k1 r² + k2 r⁴ + k3 r⁶) + 2 p1 u v + p2 (r² + 2 u²), and v' likewise.
        Source: Brown, Decentering distortion of lenses (1966), in OpenCV's form."""
        k1, k2, p1, p2, k3 = self.distortion
        r2 = u * u + v * v
        beyond_first = k2 + r2 * k3
        radial = 1 + r2 * (k1 + r2 * beyond_first)
        tilt_across = 2 * p1 * u * v
        tilt_down = p1 * (r2 + 2 * v * v)
        decentred_across = p2 * (r2 + 2 * u * u)
        decentred_down = 2 * p2 * u * v
        across = u * radial + tilt_across + decentred_across
        down = v * radial + tilt_down + decentred_down
        return across, down


class Lenses(Settings):
    """Lens calibrations of a rig; the sharp lens's is unmirrored. None means no distortion."""

    blurry_camera: LensCalibration | None = None
    sharp_camera: LensCalibration | None = None


class Rig(Settings):
    """Geometry (first to second) and colours (second to first) of a session's two cameras."""

    blurry_size: Size
    sharp_size: Size
    mirrored: bool = False
    homography: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    colour_matrix: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    blurry_camera: LensCalibration | None = None
    sharp_camera: LensCalibration | None = None

    @field_validator("homography")
    @classmethod
    def _of_two_cameras(cls, rows: Matrix, info: ValidationInfo) -> Matrix:
        """Refuse an implausible zoom at the centre of the first camera's picture."""
        width, height = info.data.get("blurry_size", (1, 1))
        matrix = np.array(rows)
        with np.errstate(all="ignore"):
            centre = ((width - 1) / 2, (height - 1) / 2, 1.0)
            depth = matrix[2] @ centre
            # of H'(x): det H / depth³
            determinant = np.linalg.det(matrix / depth)
            zoom = np.sqrt(abs(determinant))
        if not SMALLEST_ZOOM <= zoom <= LARGEST_ZOOM:
            raise ValueError(
                f"a zoom of {zoom:.3g}; that of two cameras lies between {SMALLEST_ZOOM} and "
                f"{LARGEST_ZOOM}"
            )
        return rows

    def places(self, x: Doubles, y: Doubles) -> tuple[Doubles, Doubles]:
        """Map positions in the first camera's picture to the second's; any shape."""
        if self.blurry_camera is not None:
            x, y = self.blurry_camera.undistorted(x, y)
        h = np.array(self.homography)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            x, y = _projected(x, y, h)
            if self.sharp_camera is not None:
                x, y = self.sharp_camera.distorted(x, y)
        if self.mirrored:
            x = self.sharp_size[0] - 1 - x
        return _seen(x), _seen(y)


def _seen(positions: Doubles) -> Doubles:
    """Positions, far outside where they are beyond the horizon of a homography."""
    return np.nan_to_num(positions, nan=-FAR, posinf=FAR, neginf=-FAR)


def _projected(x: Doubles, y: Doubles, h: Doubles) -> tuple[Doubles, Doubles]:
    """Positions mapped by a homography; not finite at its horizon."""
    for_x, for_y, for_depth = h
    depth = _row(for_depth, x, y)
    across = _row(for_x, x, y) / depth
    down = _row(for_y, x, y) / depth
    return across, down


def _row(row: Doubles, x: Doubles, y: Doubles) -> Doubles:
    """One row of a homography times each point (x, y, 1)."""
    a, b, c = row
    return np.asarray(a * x + b * y + c)


def read_rig(path: Path) -> Rig:
    """Read a rig file."""
    return load_settings(Rig, path)


def write_rig(path: Path, rig: Rig) -> None:
    """Write a rig file atomically."""
    lines = []
    for name, value in rig.model_dump(exclude_none=True).items():
        if not isinstance(value, dict):
            lines.append(f"{name} = {_toml(value)}")
            continue
        lines += ["", f"[{name}]"]
        for key, item in value.items():
            lines.append(f"{key} = {_toml(item)}")
    write_text(path, "\n".join(lines) + "\n")


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value)
