"""The simulated camera: ``sim:`` or ``sim:?seed=1&scene=shapes&breathing=0.01&shift=3``.

The flow of a pair is known: before the second shot the lens breathes and the mount moves."""

import io
import math
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from defocus.capture.camera import (
    SETTING_NAMES,
    Camera,
    CameraDescription,
    Setting,
    SettingName,
    Target,
)
from defocus.capture.planning.exposure import Exposure, make_exposure
from defocus.capture.planning.labels import values
from defocus.capture.simulation.body import (
    Body,
    FocusMotor,
    parse_faults,
    spoiled,
    write_delivered,
)
from defocus.capture.simulation.options import (
    PROFILES,
    SENSOR_WIDTH_MM,
    SimulatedOptions,
    parse_address,
)
from defocus.capture.simulation.scene import FOCUS_DISTANCE_MM
from defocus.capture.simulation.sensor import (
    ExifTags,
    encode_tiff,
    recorded,
    sensor_noise,
)
from defocus.capture.simulation.stage import (
    FOCAL_LENGTH_MM,
    Stage,
    TrueShot,
    between,
    combined,
    truth_document,
)
from defocus.errors import CameraError, InputError
from defocus.pictures.write import encoded_jpeg
from defocus.scene.geometry import IDENTITY, Similarity
from defocus.scene.thin_lens import Lens, breathing_zoom
from defocus.storage.files import write_bytes, write_json

Floats = NDArray[np.float64]

EPOCH = time.monotonic()
"""Start of the one clock that moves the objects of all cameras in a process."""

LENS_AT_REST = Lens(FOCAL_LENGTH_MM, 4.0, FOCUS_DISTANCE_MM, 1.0)

PICTURE_BYTES = 6
TRUTH_BYTES = 18
"""Bytes of ground truth for each pixel: a picture of three channels of 16 bits, the flow, and the
defocus map."""


TRUTH_FILES = ("truth.json", "flow.npy", "defocus_map.npy", "all_in_focus.tif")


class SimulatedCamera(Camera):
    """A camera with rendered pictures, determined by seed, scene name and pair number."""

    def __init__(self, uri: str, options: SimulatedOptions) -> None:
        self._uri = uri
        self._options = options
        self._profile = PROFILES[options.profile]
        self._values = {
            name: words.start for name, words in self._profile.words.items()
        }
        self._motor = FocusMotor(FOCUS_DISTANCE_MM, options.travel, options.backlash)
        self._stage = Stage(options, self._motor.distance_at(options.chart))
        self._faults = parse_faults(options.fault)
        self._body = Body(options, self._faults)
        self._last_content = b""
        self.released_at = 0.0
        self._live_noise = np.random.default_rng(options.seed)
        self.stage("scene", 1)

    def close(self) -> None:
        """Restore the settings."""
        self._values = {
            name: words.start for name, words in self._profile.words.items()
        }

    def describe(self) -> CameraDescription:
        """Describe the camera: a 50 mm lens focused at 2 m, on a sensor 16 mm wide."""
        pixels = math.prod(self._options.size)
        return CameraDescription(
            uri=self._uri,
            model=self._profile.model,
            serial=f"sim-{self._options.seed}",
            lens="Thin lens 50 mm",
            focal_length_mm=FOCAL_LENGTH_MM,
            focus_distance_mm=FOCUS_DISTANCE_MM,
            sensor_pitch_um=SENSOR_WIDTH_MM * 1000 / self._options.width,
            picture_size_px=self._options.size,
            shot_bytes=(PICTURE_BYTES * pixels, PICTURE_BYTES * pixels),
            truth_bytes=TRUTH_BYTES * pixels,
            simulated=True,
            writes_exif=self._profile.writes_exif,
        )

    def settings(self) -> dict[SettingName, Setting]:
        """Aperture, shutter and ISO in third stops."""
        settings = {}
        for name, words in self._profile.words.items():
            value = self._values[name]
            settings[name] = Setting(name, words.word, value, words.choices)
        return settings

    def set(self, name: SettingName, value: str) -> str:
        """Set one of the choices."""
        choices = self._profile.words[name].choices
        if value not in choices:
            raise InputError(
                f"the simulated camera has no {name} '{value}'; it has {', '.join(choices)}"
            )
        self._body.wake()
        self._values[name] = value
        return value

    def stage(self, scene: str, pair_number: int, attempt: int = 1) -> None:
        """Set up the scene with that name; the movement depends on pair and attempt."""
        self._scene_name = scene
        self._pair_number = pair_number
        self._attempt = attempt
        self._stage.put_up(scene)
        self._shots: list[TrueShot] = []
        self._live: tuple[TrueShot, Floats] | None = None

    def show(self, target: Target) -> None:
        """Show a target until the next scene is staged."""
        self._stage.target, self._live = target, None

    def move_focus(self, steps: int) -> int:
        """Drive the focus motor (see ``HasFocusMotor``)."""
        return self._motor.move(steps)

    def shoot(self, path_stem: Path) -> list[Path]:
        """Render the scene with the present settings and write ``<path_stem>.tif.part``."""
        self._body.release()
        self.released_at = time.monotonic()
        shot = self._next_shot(path_stem.name)
        number = self._body.shot
        pixels = self._pixels(shot, number)
        tags = self._tags(shot) if self._profile.writes_exif else None
        content = encode_tiff(pixels, tags)
        if self._faults.has("duplicate-frame", number) and self._last_content:
            content = self._last_content
        self._last_content = content
        if self._faults.has("truncated", number):
            content = content[: len(content) // 2]
        path = path_stem.with_name(f"{path_stem.name}.tif.part")
        write_delivered(path, content, disk_full=self._faults.has("disk-full", number))
        self._body.shot += 1
        return [path]

    def _pixels(self, shot: TrueShot, number: int) -> NDArray[np.uint16]:
        """The picture of a shot with noise, and with the faults of the light."""
        signal = self._stage.signal(shot)
        signal = spoiled(
            signal, self._faults, number, shot.exposure.f_number, self._options.seed
        )
        pixels = recorded(signal, self._noise(shot.exposure, self._random("noise")))
        if self._stage.target is None:
            self._shots.append(shot)
        if self._options.mirror:
            pixels = pixels[:, ::-1]
        return pixels

    def preview(self) -> bytes:
        """The scene with the present settings at 8 bits; the lens is as at the first shot."""
        exposure = make_exposure(*map(self._chosen, SETTING_NAMES))
        still = TrueShot(
            "live", exposure, self._lens(exposure), IDENTITY, 0.0, 0.0, 0.0
        )
        if self._live is None or self._live[0] != still:
            self._live = still, self._stage.signal(still)
        pixels = recorded(
            self._live[1], self._noise(exposure, self._live_noise), bits=8
        )
        return encoded_jpeg(pixels)

    def write_truth(self, folder: Path, sharp_by: Self | None = None) -> list[Path]:
        """Write the ground truth of the last blurry and sharp shots (see ``KnowsTruth``)."""
        other = sharp_by or self
        blurry = self._last("blurry")
        sharp = other._last("sharp")
        paths = [folder / name for name in TRUTH_FILES]
        write_json(paths[0], self._truth(blurry, sharp, other))
        size = self._options.size
        flow = between(blurry, sharp, *size).flow(*size)
        write_bytes(paths[1], _npy(flow))
        write_bytes(paths[2], _npy(self._stage.defocus_map(blurry)))
        in_focus = recorded(self._stage.signal(blurry, in_focus=True))
        write_bytes(paths[3], encode_tiff(in_focus, self._tags(blurry)))
        return paths

    def _truth(self, blurry: TrueShot, sharp: TrueShot, other: Self) -> dict[str, Any]:
        """The document of the truth; the other camera took the sharp shot."""
        shots = self._shots if other is self else self._shots + other._shots
        size = self._options.size
        truth = truth_document(blurry, sharp, shots, self._stage.layers, size)
        if other is not self:
            truth["release_skew_s"] = sharp.released_at - blurry.released_at
        return truth | {"options": self._options.model_dump()}

    def _noise(
        self, exposure: Exposure, random: np.random.Generator
    ) -> Callable[[Floats], Floats]:
        noise = self._options.noise
        return lambda signal: sensor_noise(signal, noise, exposure.iso_value, random)

    def _fault(self, name: str) -> float | None:
        return self._faults.number(name, self._body.shot)

    def _last(self, role: str) -> TrueShot:
        return next(shot for shot in reversed(self._shots) if shot.role == role)

    def _next_shot(self, role: str) -> TrueShot:
        exposure = make_exposure(*map(self._chosen, SETTING_NAMES))
        lens = self._lens(exposure, round(self._fault("af-hunt") or 0.0))
        geometry, error_ev, object_px = self._drawn(exposure, lens)
        error_ev += self._fault("ev") or 0.0
        object_px += self._fault("motion") or 0.0
        if self._faults.has("stuck-aperture", self._body.shot) and self._shots:
            lens = replace(lens, f_number=self._shots[-1].lens.f_number)
            error_ev += 2.0 * math.log2(exposure.f_number / lens.f_number)
        return TrueShot(
            role, exposure, lens, geometry, error_ev, object_px, self.released_at
        )

    def _drawn(self, exposure: Exposure, lens: Lens) -> tuple[Similarity, float, float]:
        """Geometry, error of the exposure in EV and place of the object in px, without faults."""
        options = self._options
        geometry = Similarity(
            zoom=1.0
            + options.focus_breathing * (breathing_zoom(lens, LENS_AT_REST) - 1.0),
            shift_px=(options.offset, 0.0),
        )
        error_ev = options.stop_error * math.log2(exposure.f_number / 2**0.5) / 4.0
        object_px = options.speed * (self.released_at - EPOCH) % options.width
        if self._shots:
            draw = self._random("movement").uniform(-1.0, 1.0, 5)
            geometry = self._moved(geometry, exposure, draw, options)
            error_ev += options.exposure_error * draw[4]
            object_px += options.motion
        return self._jolted(geometry, options), error_ev, object_px

    def _moved(
        self,
        geometry: Similarity,
        exposure: Exposure,
        draw: Floats,
        options: SimulatedOptions,
    ) -> Similarity:
        """The geometry after the movement between two shots."""
        return combined(
            geometry,
            Similarity(
                zoom=1.0 + self._breathing(exposure) * draw[0],
                rotation_deg=options.rotation * draw[1],
                shift_px=(options.shift * draw[2], options.shift * draw[3]),
            ),
            *options.size,
        )

    def _jolted(self, geometry: Similarity, options: SimulatedOptions) -> Similarity:
        """The geometry with the faults that move the camera."""
        zoom = self._fault("zoom")
        turn = self._fault("turn")
        shift = self._faults.numbers("shift", self._body.shot)
        if (zoom, turn, shift) != (None, None, None):
            right, down = (*(shift or ()), 0.0, 0.0)[:2]
            jolt = Similarity(zoom or 1.0, turn or 0.0, (right, down))
            geometry = combined(geometry, jolt, *options.size)
        return geometry

    def _breathing(self, exposure: Exposure) -> float:
        """Breathing of the lens between apertures, none between shots at the same aperture."""
        same = exposure.aperture == self._shots[0].exposure.aperture
        return 0.0 if same and len(self._shots) > 1 else self._options.breathing

    def _chosen(self, name: SettingName) -> tuple[str, float]:
        word = self._values[name]
        numbers = values(self.settings()[name])
        if word not in numbers:
            raise CameraError(
                f"{name} is '{word}': the simulated camera has no metering; set it"
            )
        return word, numbers[word]

    def _random(self, purpose: str) -> np.random.Generator:
        words = (self._scene_name, purpose)
        return np.random.default_rng(
            [
                self._options.seed,
                self._pair_number,
                len(self._shots),
                *([self._attempt] if self._attempt > 1 else []),
                *(zlib.crc32(word.encode()) for word in words),
            ]
        )

    def _lens(self, exposure: Exposure, hunted_steps: int = 0) -> Lens:
        pitch_um = SENSOR_WIDTH_MM * 1000 / self._options.width
        distance_mm = self._motor.distance_at(self._motor.position + hunted_steps)
        return Lens(FOCAL_LENGTH_MM, exposure.f_number, distance_mm, pitch_um)

    def _tags(self, shot: TrueShot) -> ExifTags:
        second = timedelta(minutes=self._pair_number, seconds=len(self._shots))
        jump = timedelta(seconds=self._fault("clock-jump") or 0.0)
        taken = datetime(2000, 1, 1) + second + jump
        nominal = shot.exposure.nominal
        if self._faults.has("wrong-aperture", self._body.shot):
            nominal = (nominal[0] * 2.0, *nominal[1:])
        return ExifTags(*nominal, FOCAL_LENGTH_MM, taken.strftime("%Y:%m:%d %H:%M:%S"))


def _npy(array: Floats) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array.astype(np.float32))
    return stream.getvalue()


def open_camera(uri: str) -> SimulatedCamera:
    """Open the simulated camera of an address."""
    return SimulatedCamera(uri, parse_address(uri))


def discover() -> list[CameraDescription]:
    """The simulated camera, which is always available."""
    return [open_camera("sim:").describe()]
