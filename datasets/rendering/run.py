"""Render the dataset of a request, whose keys ``datasets/README.md`` describes."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from defocus.datasets.deriving.maker import Derivation, kept_record, make_dataset
from defocus.datasets.pair import Pair, joined, scene_splits, sorted_by_id
from defocus.datasets.rendering.pair import (
    RENDERING_REVISION,
    pair_in,
    render_scene,
    write_rendered,
)
from defocus.datasets.rendering.scene import (
    DepthPicture,
    DrawnMisalignment,
    PicturePlane,
    Scene,
    SceneCamera,
    source_name,
    with_margin,
)
from defocus.errors import DatasetError, SettingsError
from defocus.processes.isolation import LeftOut, attempt, parted
from defocus.processes.machines import Where
from defocus.scene.aperture import ROUND, Aperture, DualPixel
from defocus.scene.lens_file import read_lens
from defocus.scene.real_lens import RealLens
from defocus.scene.sensor import Sensor
from defocus.settings import Settings, load_settings
from defocus.storage.files import write_json

Positive = Annotated[float, Field(gt=0)]

NAME = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$"
LARGEST_SIDE = 8192


class LensRequest(Settings):
    """The lens; fields as in :class:`defocus.datasets.rendering.scene.Scene`."""

    focal_length_mm: Positive
    f_number: Positive
    focus_distance_mm: Positive
    sensor_width_mm: Positive = 36.0
    file: Path | None = (
        None  # of 'chart lens': gives the kernels, the others their size
    )


class SceneRequest(Settings):
    """One scene: a picture with depth, or planes."""

    name: Annotated[str, Field(pattern=NAME)]  # name of the scene and id of the pair
    # these two: a picture and the depth of each of its pixels
    picture: Path | None = None
    depth: Path | None = None
    depth_unit_mm: Positive = 1.0  # length of one unit of the depth file, mm
    planes: tuple[PicturePlane, ...] = ()  # planes, instead of picture and depth
    # these two: values that differ from the lens's
    focus_distance_mm: Positive | None = None
    f_number: Positive | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "SceneRequest":
        incomplete = (self.picture is None) != (self.depth is None)
        measured = self.picture is not None and self.depth is not None
        if incomplete or measured == bool(self.planes):
            raise ValueError(f"scene '{self.name}' needs picture and depth, or planes")
        if not self.planes:
            return self
        farthest = max(self.planes, key=lambda plane: plane.depth_mm)
        if farthest.polygon is not None:
            raise ValueError(
                f"the farthest plane of '{self.name}' fills the frame: no polygon"
            )
        return self


class RenderRequest(Settings):
    """The whole document."""

    size: tuple[
        Annotated[int, Field(ge=32, le=LARGEST_SIDE)],
        Annotated[int, Field(ge=32, le=LARGEST_SIDE)],
    ]
    lens: LensRequest
    aperture: Aperture = ROUND
    dual_pixel: DualPixel | None = None
    sensor: Sensor = Sensor()
    misalignment: DrawnMisalignment = DrawnMisalignment()
    scenes: Annotated[tuple[SceneRequest, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _unique_names(self) -> "RenderRequest":
        names = [scene.name for scene in self.scenes]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two scenes are called '{name}'")
        return self


def load_request(path: Path) -> RenderRequest:
    """Read a request."""
    return load_settings(RenderRequest, path)


def render_dataset(
    request_file: Path, out: Path, where: Where = 1
) -> tuple[tuple[Pair, ...], tuple[LeftOut, ...]]:
    """Render the scenes of a request into a manifest dataset.

    Scenes that share a source picture, directly or through others, are in the same split."""
    request = load_request(request_file)
    real = _real_lens(request, request_file)
    sources, unread = _sources(request, request_file)
    scenes = _split_by_source([_scene(one, request, real) for one in sources])
    camera = SceneCamera(request.aperture, request.sensor, request.dual_pixel, real)
    how = Derivation(
        "render",
        _order(request, sources, real),
        {scene.name: scene for scene in scenes},
        partial(_write, misalignment=request.misalignment, camera=camera),
        partial(_pairs, views=camera.dual_pixel is not None),
        title="rendering",
        origin=str(request_file),
        thing="scene",
    )
    dataset = make_dataset(out, how, where)
    pairs = sorted_by_id(dataset.pairs)
    return tuple(pairs), unread + dataset.left_out


def _real_lens(request: RenderRequest, request_file: Path) -> RealLens | None:
    """The measured lens of a request; None if it has an ideal one."""
    if request.lens.file is None:
        return None
    for table in ("aperture", "dual_pixel"):
        if table in request.model_fields_set:
            raise SettingsError(
                f"{request_file}: [{table}] is of an ideal lens; remove it, or 'file' of [lens]"
            )
    return read_lens(request_file.parent / request.lens.file).lens


@dataclass(frozen=True)
class _Source:
    """A scene's surfaces, with what was read of their files."""

    wanted: SceneRequest
    surfaces: tuple[DepthPicture | PicturePlane, ...]
    depths_mm: tuple[float, ...]  # the nearest and the farthest depth of each
    content: tuple[str, ...]  # hashes of their files


def _read(wanted: SceneRequest, folder: Path) -> _Source:
    """Read the depths of a scene, and hash its files."""
    surfaces = _surfaces(wanted, folder)
    depths: list[float] = []
    for surface in surfaces:
        depths += surface.depth_range_mm
    pictures: list[str] = []
    for surface in surfaces:
        pictures += surface.pictures
    for surface in surfaces:
        if isinstance(surface, DepthPicture):
            pictures.append(source_name(surface.depth))
    return _Source(wanted, surfaces, tuple(depths), tuple(pictures))


def _sources(
    request: RenderRequest, request_file: Path
) -> tuple[list[_Source], tuple[LeftOut, ...]]:
    """The scenes that can be read, and the others."""
    folder = request_file.parent
    read = (attempt(one.name, partial(_read, one, folder)) for one in request.scenes)
    sources, unread = parted(read)
    if not sources:
        raise DatasetError(f"{request_file}: no scene can be read; {unread[0].reason}")
    return sources, unread


def _scene(source: _Source, request: RenderRequest, real: RealLens | None) -> Scene:
    lens = request.lens
    wanted = source.wanted
    scene = Scene(
        name=wanted.name,
        split="test",
        surfaces=source.surfaces,
        focus_mm=wanted.focus_distance_mm or lens.focus_distance_mm,
        f_number=wanted.f_number or lens.f_number,
        focal_length_mm=lens.focal_length_mm,
        size=request.size,
        sensor_width_mm=lens.sensor_width_mm,
    )
    return with_margin(scene, source.depths_mm, real)


def _surfaces(
    wanted: SceneRequest, folder: Path
) -> tuple[DepthPicture | PicturePlane, ...]:
    if wanted.picture is not None and wanted.depth is not None:
        picture = folder / wanted.picture
        depth = folder / wanted.depth
        return (DepthPicture(picture, depth, wanted.depth_unit_mm),)
    return tuple(
        replace(plane, picture=folder / plane.picture) for plane in wanted.planes
    )


def _split_by_source(scenes: Sequence[Scene]) -> list[Scene]:
    """The scenes with splits, which share no source picture."""
    users: dict[str, str] = {}
    links = []
    for scene in scenes:
        for picture in scene.pictures:
            first_user = users.setdefault(picture, scene.name)
            links.append((scene.name, first_user))
    group = joined((scene.name for scene in scenes), links)
    splits = scene_splits(group.values())
    return [replace(scene, split=splits[group[scene.name]]) for scene in scenes]


def _order(
    request: RenderRequest, sources: Sequence[_Source], real: RealLens | None
) -> dict[str, Any]:
    """Description of the request and the code version, and of the files of each scene."""
    text = json.dumps(
        {
            "request": request.model_dump(mode="json"),
            "lens": None if real is None else asdict(real),
            "revision": RENDERING_REVISION,
        },
        sort_keys=True,
    )
    return {
        "request": hashlib.sha256(text.encode()).hexdigest(),
        "pairs": {one.wanted.name: list(one.content) for one in sources},
    }


def _write(
    scene: Scene, folder: Path, misalignment: DrawnMisalignment, camera: SceneCamera
) -> None:
    rendered = render_scene(scene, misalignment, camera)
    write_rendered(folder, rendered)
    write_json(folder / "metadata.json", rendered.metadata)


def _pairs(scene: Scene, folder: Path, *, views: bool) -> Iterator[Pair]:
    """The pair in its folder."""
    metadata = kept_record(folder / "metadata.json")
    yield pair_in(folder, scene.name, scene.split, metadata, views=views)
