"""Shots of a calibration, which are measured and then deleted."""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.capture.camera import Camera, KnowsTruth, Setting, SettingName, Target
from defocus.capture.planning.exposure import Exposure, make_exposure, nearest_choice
from defocus.capture.planning.labels import parse_value, true_f, true_seconds, values
from defocus.capture.quality.quick_look import QuickLook, read_look
from defocus.capture.taking.shots.frames import apply_exposure
from defocus.errors import CameraError, InputError

WANTED_LEVEL = 0.35
"""Linear light to expose for, as a share of white: far from clipping, and from the noise."""

LEVEL_TRIES = 4
CENTRE_SHARE = 0.2


@dataclass
class CalibrationBench:
    """A camera in front of a target."""

    camera: Camera
    settle_seconds: float  # pause before each shot
    # asks the user to hold a target in front of the camera, and waits
    ask: Callable[[str], None]
    _iso: tuple[str | None, float] = field(init=False)

    def __post_init__(self) -> None:
        iso = self.camera.settings().get("iso")
        number = None if iso is None else parse_value("iso", iso.value)
        self._iso = (
            (None, 100.0) if iso is None or number is None else (iso.value, number)
        )

    def show(self, target: Target, words: str) -> None:
        """Ask for a target in front of the camera."""
        self.ask(words)
        if isinstance(self.camera, KnowsTruth):
            self.camera.show(target)

    @property
    def settings(self) -> Mapping[SettingName, Setting]:
        """The camera's settings."""
        return self.camera.settings()

    def aperture(self, typed: str | None) -> str:
        """The camera's value for a typed aperture; by default its widest."""
        setting = self.settings.get("aperture")
        if setting is None:
            raise InputError(
                "the aperture of this camera cannot be set; a calibration needs it"
            )
        if typed is not None:
            return nearest_choice(setting, typed)
        return min(values(setting).items(), key=lambda choice: choice[1])[0]

    def exposure(self, aperture: str, shutter: str) -> Exposure:
        """An exposure in the camera's own values."""
        settings = self.settings
        return make_exposure(
            (aperture, values(settings["aperture"])[aperture]),
            (shutter, values(settings["shutter"])[shutter]),
            self._iso,
        )

    def shot(
        self,
        exposure: Exposure,
        release: Callable[[], object] = lambda: None,
    ) -> QuickLook:
        """Take a picture; ``release`` is called right before, to wait for something."""
        apply_exposure(self.camera, exposure)
        time.sleep(self.settle_seconds)
        release()
        with tempfile.TemporaryDirectory(prefix="defocus-calibrate-") as folder:
            parts = self.camera.shoot(Path(folder) / "shot")
            if not parts:
                raise CameraError(
                    "the camera delivered no file; check its card and try again"
                )
            return read_look(parts[0].rename(parts[0].with_suffix("")))

    def shots(self, exposure: Exposure, count: int) -> list[QuickLook]:
        """Take several pictures."""
        return [self.shot(exposure) for _ in range(count)]

    def equal_exposure(self, aperture: str, like: Exposure) -> Exposure:
        """The exposure at another aperture that comes closest to the same light."""
        setting = self.settings["shutter"]
        wanted = (
            like.seconds
            * (true_f(values(self.settings["aperture"])[aperture]) / like.f_number) ** 2
        )
        return self.exposure(aperture, _nearest_time(setting, wanted))

    def well_exposed(self, aperture: str, shutter: str | None) -> Exposure:
        """Find, by trial, an exposure with a medium level in the centre; None finds a time."""
        setting = self.settings["shutter"]
        if shutter is not None:
            return self.exposure(aperture, nearest_choice(setting, shutter))
        start = parse_value("shutter", setting.value)
        exposure = self.exposure(aperture, _nearest_time(setting, start or 1 / 125))
        for _ in range(LEVEL_TRIES):
            level = central_light(self.shot(exposure))
            if WANTED_LEVEL / 1.6 < level < WANTED_LEVEL * 1.6:
                return exposure
            factor = WANTED_LEVEL / max(level, 1e-3) if level < 0.95 else 1 / 8
            exposure = self.exposure(
                aperture,
                _nearest_time(setting, exposure.seconds * factor),
            )
        raise CameraError(
            f"no exposure time of this camera gives a middle level at {aperture}; "
            "change the light, or give --shutter"
        )


def _nearest_time(setting: Setting, seconds: float) -> str:
    times = {word: true_seconds(nominal) for word, nominal in values(setting).items()}
    if not times:
        raise InputError(
            "the exposure time of this camera cannot be set; a calibration needs it"
        )
    return min(times, key=lambda word: abs(np.log2(times[word] / seconds)))


def mean_light(looks: Sequence[QuickLook]) -> NDArray[np.float64]:
    """``(H, W)`` linear light, the mean of the pictures and their colours."""
    light = [look.linear.mean(axis=2, dtype=np.float64) for look in looks]
    return np.asarray(np.mean(light, axis=0))


def central_light(look: QuickLook) -> float:
    """Mean linear light of the centre of a picture."""
    height, width = look.linear.shape[:2]
    rows = max(round(height * CENTRE_SHARE / 2), 1)
    columns = max(round(width * CENTRE_SHARE / 2), 1)
    top = height // 2 - rows
    left = width // 2 - columns
    centre = look.linear[top : top + 2 * rows, left : left + 2 * columns]
    return float(centre.mean(dtype=np.float64))
