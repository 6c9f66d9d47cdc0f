"""Render the dataset of a request.

``pairs/<scene>/`` has ``blurry.png``, ``sharp.png``, ``truth.png``, ``flow.npy``,
``defocus_map.npy``, the views and ``metadata.json``.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from defocus.datasets.deriving.maker import Derivation, kept_record, make_dataset
from defocus.datasets.pair import Pair
from defocus.datasets.rendering.files import DepthPicture, PicturePlane, source_name
from defocus.datasets.rendering.output import pair_in, write_rendered
from defocus.datasets.rendering.pair import render_scene
from defocus.datasets.rendering.request import RenderRequest, SceneRequest, load_request
from defocus.datasets.rendering.revision import RENDERING_REVISION
from defocus.datasets.rendering.scene import (
    DrawnMisalignment,
    Scene,
    SceneCamera,
    with_margin,
)
from defocus.datasets.split import scene_splits
from defocus.errors import DatasetError, SettingsError
from defocus.files import write_json
from defocus.isolation import LeftOut, attempt, parted
from defocus.scene.aperture import Aperture, DualPixel
from defocus.scene.lens_file import read_lens
from defocus.scene.real_lens import RealLens
from defocus.scene.sensor import Sensor

__all__ = ["render_dataset"]


def render_dataset(
    request_file: Path, out: Path, jobs: int = 1
) -> tuple[tuple[Pair, ...], tuple[LeftOut, ...]]:
    """Render the scenes of a request into a manifest dataset.

    Scenes are split by their source pictures: scenes that share one, directly or through others,
    belong to the same split.
    """
    request = load_request(request_file)
    real = _real_lens(request, request_file)
    read = (attempt(one.name, partial(_read, one, request_file.parent)) for one in request.scenes)
    sources, unread = parted(read)
    if not sources:
        raise DatasetError(f"{request_file}: no scene can be read; {unread[0].reason}")
    scenes = _split_by_source([_scene(one, request, real) for one in sources])
    camera = SceneCamera(
        aperture=Aperture(**request.aperture.model_dump()),
        sensor=Sensor(**request.sensor.model_dump()),
        dual_pixel=None
        if request.dual_pixel is None
        else DualPixel(**request.dual_pixel.model_dump()),
        real=real,
    )
    misalignment = DrawnMisalignment(**request.misalignment.model_dump())
    how = Derivation(
        "render",
        _order(request, sources, real),
        {scene.name: scene for scene in scenes},
        partial(_write, misalignment=misalignment, camera=camera),
        partial(_pairs, views=camera.dual_pixel is not None),
        title="rendering",
        origin=str(request_file),
        thing="scene",
    )
    done = make_dataset(out, how, jobs)
    return tuple(sorted(done.pairs, key=lambda pair: pair.id)), (*unread, *done.left_out)


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
    """A scene's surfaces, with what was read of their files.

    Attributes:
        wanted: The scene.
        surfaces: Its surfaces.
        depths_mm: The nearest and the farthest depth of each.
        content: Hashes of their files.
    """

    wanted: SceneRequest
    surfaces: tuple[DepthPicture | PicturePlane, ...]
    depths_mm: tuple[float, ...]
    content: tuple[str, ...]


def _read(wanted: SceneRequest, folder: Path) -> _Source:
    """Read the depths of a scene, and hash its files."""
    surfaces = _surfaces(wanted, folder)
    depths = tuple(depth for surface in surfaces for depth in surface.depth_range_mm)
    content = [name for surface in surfaces for name in surface.pictures]
    content += [source_name(one.depth) for one in surfaces if isinstance(one, DepthPicture)]
    return _Source(wanted, surfaces, depths, tuple(content))


def _scene(source: _Source, request: RenderRequest, real: RealLens | None) -> Scene:
    lens, wanted = request.lens, source.wanted
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


def _surfaces(wanted: SceneRequest, folder: Path) -> tuple[DepthPicture | PicturePlane, ...]:
    if wanted.picture is not None and wanted.depth is not None:
        picture, depth = folder / wanted.picture, folder / wanted.depth
        return (DepthPicture(picture, depth, wanted.depth_unit_mm),)
    return tuple(
        PicturePlane(folder / plane.picture, plane.depth_mm, plane.polygon)
        for plane in wanted.planes
    )


def _split_by_source(scenes: Sequence[Scene]) -> list[Scene]:
    """The scenes with splits, which share no source picture."""
    group = {scene.name: scene.name for scene in scenes}
    first_with: dict[str, str] = {}
    for scene in scenes:
        for picture in scene.pictures:
            other = group[first_with.setdefault(picture, scene.name)]
            mine = group[scene.name]
            kept, joined = sorted((other, mine))
            group = {name: kept if of == joined else of for name, of in group.items()}
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
