"""Record of a compensation, which rebuilds the same files from the same originals."""

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import numba
import numpy as np
from pydantic import AliasChoices, Field, ValidationError

from defocus import __version__
from defocus.align.arrays import Singles
from defocus.align.compensation.compensate import Compensation, Model
from defocus.align.misalignment import Misalignment
from defocus.align.photometry.gains import GainMatch
from defocus.align.rig import LARGEST_ZOOM, SMALLEST_ZOOM, Matrix, Rig, matrix_rows
from defocus.align.sampling.kernels import Kernel
from defocus.align.sampling.resample import (
    LocalFlow,
    Placement,
    Rectangle,
    ReleaseGrid,
    Resampling,
)
from defocus.errors import AlignmentError, FileError
from defocus.pictures.values import Image
from defocus.reading import ARRAY_ERRORS, read_json, require_file
from defocus.settings import Settings, document_problem
from defocus.storage.files import sha256_file

FLOW_FILE = "residual_flow.npy"
MAX_RECORD_BYTES = 1024 * 1024
MODULES = {"numpy": np, "opencv": cv2, "numba": numba}
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Triple = tuple[float, float, float]


class CropRecord(Settings):
    """Record of a :class:`defocus.align.sampling.resample.Rectangle`."""

    left: Annotated[int, Field(ge=0)]
    top: Annotated[int, Field(ge=0)]
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]


class FlowRecord(Settings):
    """The local flow: its file's hash, and the reduction of its grid."""

    sha256: Sha256
    factor: Annotated[int, Field(ge=1, le=64)]


class MatchRecord(Settings):
    """Gain and offset of each channel, linear light."""

    gain: Triple
    offset: Triple


class Inputs(Settings):
    """SHA-256 of both members' decoded pixels (see :func:`pixels_sha256`)."""

    blurry: Sha256
    sharp: Sha256


class Record(Settings):
    """The part ``compensation`` of ``misalignment.json``: transform, flow, light, grid, hashes."""

    format: Literal["defocus-compensation"] = "defocus-compensation"
    version: Literal[1] = 1
    model: Model
    transform: str
    matrix: Matrix
    flow: FlowRecord | None  # the local flow, or None
    # the gain and offset applied to the sharp member, or None
    photometric: MatchRecord | None
    rig: Rig | None  # the whole rig, or None
    kernel: Kernel
    # size of the release relative to the blurry picture
    scale: Annotated[float, Field(gt=0, le=1)]
    crop_px: CropRecord  # the released part, in pixels of the blurry picture
    lost_gradient_energy: float | None = Field(  # a share; None if there is no gradient
        validation_alias=AliasChoices("lost_gradient_energy", "sharpness_lost")
    )
    inputs: Inputs
    outputs: dict[str, Sha256]
    versions: dict[str, str]


def pixels_sha256(picture: Image) -> str:
    """SHA-256 of a picture's bit depth, size and pixels, independent of the file."""
    digest = hashlib.sha256(f"{picture.dtype} {picture.shape}".encode())
    digest.update(np.ascontiguousarray(picture).data)
    return digest.hexdigest()


def make_record(
    plan: Compensation,
    misalignment: Misalignment,
    model: Model,
    pictures: tuple[Image, Image],
    folder: Path,
    outputs: list[str],
    lost_gradient_energy: float | None,
) -> Record:
    """Make the record of a compensation with files in ``folder``."""
    local = plan.placement.local
    match = plan.match
    crop = plan.grid.crop
    hashes = {name: sha256_file(folder / name) for name in outputs}
    return Record(
        model=model,
        transform=misalignment.model,
        matrix=matrix_rows(plan.placement.matrix),
        flow=None
        if local is None
        else FlowRecord(sha256=hashes[FLOW_FILE], factor=local.factor),
        photometric=_match_record(match),
        rig=plan.placement.rig,
        kernel=plan.kernel,
        scale=plan.grid.scale,
        crop_px=CropRecord(
            left=crop.left,
            top=crop.top,
            width=crop.width,
            height=crop.height,
        ),
        lost_gradient_energy=lost_gradient_energy,
        inputs=Inputs(
            blurry=pixels_sha256(pictures[0]),
            sharp=pixels_sha256(pictures[1]),
        ),
        outputs=hashes,
        versions={"defocus": __version__}
        | {k: one.__version__ for k, one in MODULES.items()},
    )


def _match_record(match: GainMatch | None) -> MatchRecord | None:
    return None if match is None else MatchRecord(gain=match.gain, offset=match.offset)


def read_record(path: Path) -> Record:
    """Read the record of a ``misalignment.json``."""
    try:
        document: dict[str, Any] = read_json(path, MAX_RECORD_BYTES)
        return Record.model_validate(document["compensation"])
    except FileNotFoundError as error:
        raise AlignmentError(f"{path}: no such record; check the path") from error
    except FileError as error:
        raise AlignmentError(
            f"{error}; give the misalignment.json of an aligned pair"
        ) from error
    except ValidationError as error:
        raise AlignmentError(
            f"{path}: {document_problem(error, 'compensation')}"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise AlignmentError(
            f"{path}: no record of a compensation; give the misalignment.json of an aligned pair"
        ) from error


def recorded_plan(record: Record, path: Path) -> Compensation:
    """The compensation that a record describes; the flow lies in the same folder."""
    local = (
        None
        if record.flow is None
        else _read_flow(path.parent / FLOW_FILE, record.flow)
    )
    match = record.photometric
    plan = Compensation(
        Placement(np.array(record.matrix), local, record.rig),
        ReleaseGrid(Rectangle(**record.crop_px.model_dump()), record.scale),
        record.kernel,
        None if match is None else GainMatch(match.gain, match.offset),
    )
    _refuse_wild(plan, path)
    return plan


def _refuse_wild(plan: Compensation, path: Path) -> None:
    """Refuse extreme values, which no pair needs and which could use unlimited memory."""
    crop = plan.grid.crop
    zoom, ahead, finite = _zoom_and_view(plan, crop)
    if not (SMALLEST_ZOOM <= zoom <= LARGEST_ZOOM and ahead and finite):
        raise AlignmentError(
            f"{path}: its transform has a zoom of {zoom:.3g} or a horizon in the picture; a pair's "
            f"lies between {SMALLEST_ZOOM} and {LARGEST_ZOOM}, align the pair again"
        )
    shorter = min(crop.width, crop.height)
    if plan.grid.scale * shorter < 1 - 1e-9:
        raise AlignmentError(
            f"{path}: a scale of {plan.grid.scale:.3g} leaves no pixel; align the pair again"
        )


def _zoom_and_view(
    plan: Compensation,
    crop: Rectangle,
) -> tuple[float, np.bool_, np.bool_]:
    """The zoom, whether no horizon is in the picture, and whether all positions are finite."""
    last_column = crop.left + crop.width - 1.0
    last_row = crop.top + crop.height - 1.0
    columns = np.array([crop.left, last_column])
    rows = np.array([crop.top, last_row])
    how = Resampling(plan.placement, plan.grid, plan.kernel)
    _, _, (across, down, one) = plan.placement.matrix
    with np.errstate(all="ignore"):
        zoom = how.zoom()
        depth = across * columns + down * rows[:, None] + one
        ahead = (depth > 0).all()
        positions = plan.placement(columns, rows)
        finite = np.isfinite(positions).all()
    return zoom, ahead, finite


def _read_flow(path: Path, expected: FlowRecord) -> LocalFlow:
    if not path.is_file() or sha256_file(path) != expected.sha256:
        raise AlignmentError(
            f"{path}: missing, or not the flow of the record; align the pair again"
        )
    try:
        require_file(path)
        field: Singles = np.array(np.load(path, "r"))
    except ARRAY_ERRORS as error:
        raise AlignmentError(
            f"{path}: no flow can be read; align the pair again"
        ) from error
    if (
        field.dtype != np.float32
        or field.ndim != 3
        or field.shape[0] != 2
        or field.size == 0
    ):
        raise AlignmentError(
            f"{path}: {field.dtype} of shape {field.shape} is not a flow"
        )
    if not np.isfinite(field).all():
        raise AlignmentError(f"{path}: the flow has values that are not finite")
    return LocalFlow(field, expected.factor)
