"""The simulated camera: ``sim:`` or ``sim:?seed=1&scene=shapes&breathing=0.01&shift=3``.

A thin lens of 50 mm focused at 2 m looks at textured planes at several depths. The first shot of
a pair is the reference; before the second the lens breathes and the mount moves, as far as the
address allows, and the true flow between the two is known in closed form.
"""

import io
import math
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.capture.cameras.camera import (
    SETTING_NAMES,
    CameraDescription,
    Setting,
    SettingName,
)
from defocus.capture.exposure import Exposure, make_exposure
from defocus.capture.labels import values
from defocus.capture.simulation.options import SENSOR_WIDTH_MM, SimulatedOptions, parse_address
from defocus.capture.simulation.scene import FOCUS_DISTANCE_MM, build_scene
from defocus.capture.simulation.sensor import (
    ExifTags,
    encode_tiff,
    exposure_scale,
    sensor_noise,
    to_srgb16,
)
from defocus.errors import InputError, storage_error
from defocus.files import write_bytes, write_json
from defocus.images import as_integer, linear_to_srgb
from defocus.optics.geometry import IDENTITY, Similarity
from defocus.optics.renderer import Layer, defocus_map, moved_layers, render
from defocus.optics.thin_lens import Lens, circle_of_confusion_px

__all__ = ["SimulatedCamera", "discover", "open_camera"]

FOCAL_LENGTH_MM = 50.0

APERTURES = (
    "f/1.4 f/1.6 f/1.8 f/2 f/2.2 f/2.5 f/2.8 f/3.2 f/3.5 f/4 f/4.5 f/5 f/5.6 f/6.3 f/7.1 f/8 f/9 "
    "f/10 f/11 f/13 f/14 f/16 f/18 f/20 f/22"
)
SHUTTERS = (
    "30 25 20 15 13 10 8 6 5 4 3.2 2.5 2 1.6 1.3 1 0.8 0.6 0.5 0.4 0.3 1/4 1/5 1/6 1/8 1/10 1/13 "
    "1/15 1/20 1/25 1/30 1/40 1/50 1/60 1/80 1/100 1/125 1/160 1/200 1/250 1/320 1/400 1/500 "
    "1/640 1/800 1/1000 1/1250 1/1600 1/2000 1/2500 1/3200 1/4000"
)
ISOS = "100 125 160 200 250 320 400 500 640 800 1000 1250 1600 2000 2500 3200 4000 5000 6400"

_WORDS: dict[SettingName, tuple[str, str, tuple[str, ...]]] = {
    "aperture": ("aperture", "f/4", tuple(APERTURES.split())),
    "shutter": ("shutterspeed", "1/125", tuple(SHUTTERS.split())),
    "iso": ("iso", "100", tuple(ISOS.split())),
}


@dataclass(frozen=True)
class Shot:
    """What was true of one shot."""

    exposure: Exposure
    geometry: Similarity
    error_ev: float


class SimulatedCamera:
    """A camera whose pictures are rendered; deterministic in seed, scene name and pair number."""

    def __init__(self, uri: str, options: SimulatedOptions) -> None:
        self._uri = uri
        self._options = options
        self._values = {name: _WORDS[name][1] for name in SETTING_NAMES}
        self._scene: list[Layer] = []
        self._shots: list[Shot] = []
        self._live_noise = np.random.default_rng(options.seed)
        self.stage("scene", 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Put the settings back as they were."""
        self._values = {name: _WORDS[name][1] for name in SETTING_NAMES}

    def describe(self) -> CameraDescription:
        """A lens of 50 mm focused at 2 m, on a sensor 16 mm wide."""
        return CameraDescription(
            uri=self._uri,
            model="Simulated camera",
            serial=f"sim-{self._options.seed}",
            lens="Thin lens 50 mm",
            focal_length_mm=FOCAL_LENGTH_MM,
            focus_distance_mm=FOCUS_DISTANCE_MM,
            sensor_pitch_um=SENSOR_WIDTH_MM * 1000 / self._options.width,
            simulated=True,
        )

    def settings(self) -> dict[SettingName, Setting]:
        """Aperture, shutter and ISO in third stops."""
        return {
            name: Setting(name, _WORDS[name][0], self._values[name], _WORDS[name][2])
            for name in SETTING_NAMES
        }

    def set(self, name: SettingName, value: str) -> str:
        """Set one of the choices."""
        if value not in _WORDS[name][2]:
            raise InputError(
                f"the simulated camera has no {name} '{value}'; it has {', '.join(_WORDS[name][2])}"
            )
        self._values[name] = value
        return value

    def stage(self, scene: str, pair_number: int) -> None:
        """Put up the scene of that name; shots of another pair number move otherwise."""
        self._scene_name, self._pair_number = scene, pair_number
        self._scene, self._shots = [], []
        self._seen: tuple[Exposure, NDArray[np.float64]] | None = None

    def shoot(self, path_stem: Path) -> list[Path]:
        """Render the scene with the present settings and write ``<path_stem>.tif.part``."""
        shot = self._next_shot()
        signal = self._signal(shot, self._lens(shot.exposure))
        noisy = sensor_noise(
            signal, self._options.noise, shot.exposure.iso_value, self._random("noise")
        )
        self._shots.append(shot)
        path = path_stem.with_name(f"{path_stem.name}.tif.part")
        try:
            path.write_bytes(encode_tiff(to_srgb16(noisy), self._tags(shot)))
        except OSError as error:
            raise storage_error(error, path) from error
        return [path]

    def preview(self) -> bytes:
        """The scene with the present settings, at 8 bits; the lens stands as at the first shot."""
        exposure = make_exposure(*(self._chosen(name) for name in SETTING_NAMES))
        if self._seen is None or self._seen[0] != exposure:
            still = Shot(exposure, IDENTITY, 0.0)
            self._seen = exposure, self._signal(still, self._lens(exposure))
        noise = self._options.noise
        noisy = sensor_noise(self._seen[1], noise, exposure.iso_value, self._live_noise)
        pixels = as_integer(linear_to_srgb(np.clip(noisy, 0.0, 1.0)), 8)
        _, encoded = cv2.imencode(".jpg", pixels[:, :, ::-1])
        return encoded.tobytes()

    def write_truth(self, folder: Path) -> list[Path]:
        """Write the truth about the last two shots (see ``KnowsTruth``)."""
        blurry, sharp = self._shots[-2:]
        similarity = self._between(blurry, sharp)
        flow = similarity.flow(self._options.width, self._options.height)
        lens = self._lens(blurry.exposure)
        coc = self._crop(defocus_map(moved_layers(self._layers(), blurry.geometry), lens))
        in_focus = to_srgb16(self._signal(blurry, None))
        paths = [
            folder / name
            for name in ("truth.json", "flow.npy", "defocus_map.npy", "all_in_focus.tif")
        ]
        write_json(paths[0], self._truth(blurry, sharp, similarity))
        write_bytes(paths[1], _npy(flow))
        write_bytes(paths[2], _npy(coc))
        write_bytes(paths[3], encode_tiff(in_focus, self._tags(blurry)))
        return paths

    def _layers(self) -> list[Layer]:
        if not self._scene:
            options = self._options
            self._scene = build_scene(
                options.scene,
                options.seed,
                self._scene_name,
                options.width,
                options.height,
                self._margin,
            )
        return self._scene

    @property
    def _margin(self) -> int:
        """Pixels beyond the picture that blur (at f/1.4) and movement can bring in."""
        options = self._options
        widest = Lens(
            FOCAL_LENGTH_MM, 1.4, FOCUS_DISTANCE_MM, SENSOR_WIDTH_MM * 1e3 / options.width
        )
        blur = abs(float(circle_of_confusion_px(math.inf, widest))) / 2
        diagonal = math.hypot(options.width, options.height) / 2
        turn = options.breathing + math.radians(options.rotation)
        return math.ceil(blur + options.shift + diagonal * turn) + 2

    def _next_shot(self) -> Shot:
        exposure = make_exposure(*(self._chosen(name) for name in SETTING_NAMES))
        if not self._shots:
            return Shot(exposure, IDENTITY, 0.0)
        options, draw = self._options, self._random("movement").uniform(-1.0, 1.0, 5)
        geometry = Similarity(
            zoom=1.0 + options.breathing * draw[0],
            rotation_deg=options.rotation * draw[1],
            shift_px=(options.shift * draw[2], options.shift * draw[3]),
        )
        return Shot(exposure, geometry, options.exposure_error * draw[4])

    def _chosen(self, name: SettingName) -> tuple[str, float]:
        word = self._values[name]
        return word, values(self.settings()[name])[word]

    def _random(self, purpose: str) -> np.random.Generator:
        words = (self._scene_name, purpose)
        return np.random.default_rng(
            [
                self._options.seed,
                self._pair_number,
                len(self._shots),
                *(zlib.crc32(word.encode()) for word in words),
            ]
        )

    def _lens(self, exposure: Exposure) -> Lens:
        pitch_um = SENSOR_WIDTH_MM * 1000 / self._options.width
        return Lens(FOCAL_LENGTH_MM, exposure.f_number, FOCUS_DISTANCE_MM, pitch_um)

    def _signal(self, shot: Shot, lens: Lens | None) -> NDArray[np.float64]:
        """What falls on the sensor, 1 = full well, without noise."""
        radiance = self._crop(render(moved_layers(self._layers(), shot.geometry), lens))
        return radiance * exposure_scale(*shot.exposure.true, shot.error_ev)

    def _crop(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        margin = self._margin
        return values[margin:-margin, margin:-margin]

    def _tags(self, shot: Shot) -> ExifTags:
        second = timedelta(minutes=self._pair_number, seconds=len(self._shots))
        taken = datetime(2000, 1, 1) + second
        return ExifTags(
            *shot.exposure.nominal, FOCAL_LENGTH_MM, taken.strftime("%Y:%m:%d %H:%M:%S")
        )

    def _between(self, blurry: Shot, sharp: Shot) -> Similarity:
        """From blurry to sharp positions: undo the one movement, apply the other."""
        size = (self._options.width, self._options.height)
        first, second = (
            np.vstack([shot.geometry.matrix(*size), [0.0, 0.0, 1.0]]) for shot in (blurry, sharp)
        )
        return Similarity.from_matrix((second @ np.linalg.inv(first))[:2], *size)

    def _truth(self, blurry: Shot, sharp: Shot, similarity: Similarity) -> dict[str, Any]:
        gain = math.log2(
            exposure_scale(*blurry.exposure.true, blurry.error_ev)
            / exposure_scale(*sharp.exposure.true, sharp.error_ev)
        )
        return {
            "schema": 1,
            "misalignment": {
                "shift_px": list(similarity.shift_px),
                "zoom": similarity.zoom,
                "rotation_deg": similarity.rotation_deg,
            },
            "gain_ev": gain,
            "exposure_error_ev": {"blurry": blurry.error_ev, "sharp": sharp.error_ev},
            "layers": [
                {
                    "depth_mm": layer.depth_mm,
                    "blurry_coc_px": self._coc(layer, blurry),
                    "sharp_coc_px": self._coc(layer, sharp),
                }
                for layer in sorted(self._layers(), key=lambda layer: layer.depth_mm)
            ],
            "focal_length_mm": FOCAL_LENGTH_MM,
            "focus_distance_mm": FOCUS_DISTANCE_MM,
            "sensor_pitch_um": SENSOR_WIDTH_MM * 1000 / self._options.width,
            "options": self._options.model_dump(),
        }

    def _coc(self, layer: Layer, shot: Shot) -> float:
        return float(circle_of_confusion_px(layer.depth_mm, self._lens(shot.exposure)))


def _npy(array: NDArray[np.float64]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array.astype(np.float32))
    return stream.getvalue()


def open_camera(uri: str) -> SimulatedCamera:
    """The simulated camera of an address.

    Raises:
        InputError: An unknown option or a value out of range.
    """
    return SimulatedCamera(uri, parse_address(uri))


def discover() -> list[CameraDescription]:
    """The simulated camera is always there."""
    return [open_camera("sim:").describe()]
