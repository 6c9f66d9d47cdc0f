"""Settings of the commands that measure pairs, as typed; None is what a command does by default.

It imports nothing heavy, as ``--help`` reads it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

import click
from pydantic import BeforeValidator, Field, model_validator

from defocus.align.flow.by_name import (
    DEFAULT_ESTIMATOR,
    flow_estimator,
    require_estimator,
)
from defocus.command_line.options import Folder
from defocus.command_line.where import where_field
from defocus.processes.machines import Where
from defocus.reading import Json
from defocus.settings import JSON, CommandSettings, option

if TYPE_CHECKING:  # heavy at run time; see the functions
    from defocus.align.flow.estimator import FlowEstimator
    from defocus.align.motion_limits import MotionLimits

AnyPath = Annotated[Path, click.Path(path_type=Path)]
Release = Annotated[Path, click.Path(path_type=Path, file_okay=False, exists=True)]

FrameModel = Literal["translation", "similarity", "affine", "homography"] | None
Model = Literal["none", "global", "flow"] | None
Kernel = Literal["lanczos", "bicubic"] | None
Photometric = Literal["match", "none"] | None
Scale = Annotated[float, Field(gt=0, le=1)] | None
Share = Annotated[float, Field(ge=0, le=0.5)]
ShareBelowOne = Annotated[float, Field(ge=0, lt=1)] | None

MODEL_HELP = (
    "What to compensate: the global transform (global), also the local flow where it is reliable "
    "(flow), or nothing (none).  [default: global]"
)
KERNEL = option(None, "--kernel", text="Interpolation kernel.  [default: bicubic]")
PHOTOMETRIC = option(
    None,
    "--photometric",
    text="Match the exposure of SHARP to BLURRY in linear light, or not.  [default: match]",
)


class DescribeSettings(CommandSettings):
    """Options of ``list``."""

    as_json: bool = option(False, "--json")
    """Print one JSON document on stdout."""


class MeasuringSettings(CommandSettings):
    """How pairs are measured."""

    estimator: str | None = option(None, "--estimator", heading="Measurement")
    """Estimator of the residual flow: dis or pwcnet (the default with --flow-weights)."""
    at_most: FrameModel = option(None, "--at-most")
    """Richest model of the global transform. A tripod and one lens leave no more than a
    similarity.  [default: homography]"""
    largest_px: Annotated[float, Field(gt=0)] | None = option(None, "--largest-shift")
    """Largest shift of any point in px, if you know it. Textures that repeat at a larger distance
    can then be measured; a result that moves a corner farther is unknown. Too small a number gives
    a wrong shift."""

    @model_validator(mode="after")
    def _check_estimator(self) -> Self:
        require_estimator(self.flow)  # before a dataset is opened, or even rendered
        return self

    @property
    def limits(self) -> "MotionLimits":
        """Limits of what a measurement may find."""
        from defocus.align.motion_limits import MotionLimits

        return MotionLimits.of(self.at_most, self.largest_px)

    @property
    def flow(self) -> str:
        """The name of the flow estimator."""
        return self.estimator or DEFAULT_ESTIMATOR


class MotionSettings(MeasuringSettings):
    """How pairs are measured and released."""

    flow_weights: AnyPath | None = option(None, "--flow-weights")
    """Weights file for pwcnet. The result then says pwcnet-official, which means a user's file in
    the official format; its hash is given."""
    rig_file: AnyPath | None = option(None, "--rig")
    """Rig file, if two cameras took the pair."""
    model: Model = option(None, "--model", heading="Compensation", text=MODEL_HELP)
    scale: Scale = option(None, "--scale")
    """Size of the written pictures relative to BLURRY.  [default: 1]"""
    kernel: Kernel = KERNEL
    photometric: Photometric = PHOTOMETRIC

    @property
    def flow(self) -> str:
        """The name of the flow estimator."""
        return self.estimator or ("pwcnet" if self.flow_weights else super().flow)

    @property
    def release(self) -> Json:
        """The fields of a ``Release`` that were typed."""
        wanted = {"model", "scale", "kernel", "photometric"}
        return self.model_dump(include=wanted, exclude_none=True)

    def flow_estimator(self) -> "FlowEstimator":
        """The estimator, made now."""
        return flow_estimator(self.flow, self.flow_weights)


class AlignSettings(MotionSettings):
    """Options of ``align``."""

    session: str | None = option(None, "--session", heading="Measurement")
    """Dataset with pairs of the same session, such as session:DIR. They share one zoom and one
    asymmetry of the point spread, which are used where they are more certain than the pair's own,
    and where the pair alone is unknown."""
    out: AnyPath | None = option(None, "--out", heading="Output")
    """Folder for the aligned pair and its numbers."""
    evidence: AnyPath | None = option(None, "--evidence")
    """Folder for pictures of the measurement, the calibration and the occlusion mask."""
    record: AnyPath | None = option(None, "--from-record")
    """Rebuild the files of --out byte for byte from this misalignment.json."""
    as_json: bool = JSON

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.record is not None:
            others = self.model_dump(exclude={"record", "out"}, exclude_defaults=True)
            if self.out is None or others:
                raise ValueError("--from-record can be combined with --out only")
        if self.session is not None and self.rig_file is not None:
            raise ValueError("--session is for pairs of one camera; leave --rig out")
        if self.session is not None and self.at_most == "translation":
            raise ValueError(
                "--session gives a zoom, and --at-most translation has none; leave one of them out"
            )
        if self.out is None and self.release:
            raise ValueError("--model, --scale, --kernel and --photometric need --out")
        return self


class CompensateSettings(MotionSettings):
    """Options of ``compensate``."""

    size: Literal["each", "common"] = option("each", "--size", heading="Compensation")
    """Part that is kept: everything that both members of each pair show, or its middle, in one size
    for all pairs."""
    out: Folder = option(..., "--out DIR", heading="Output")
    """Folder of the new dataset: new, empty, or an unfinished run with the same settings."""
    where: Where = where_field(
        2,
        "Number of pairs processed at once; each takes 1.8 GB of memory where pictures have 24 "
        "megapixels, and 2.6 GB at 45.",
    )
    as_json: bool = JSON


class SidecarSettings(CommandSettings):
    """Options of ``sidecar``."""

    out: Folder | None = option(None, "--out", heading="Sidecar")
    """Folder of the new sidecar: new or empty."""
    folder: Folder | None = option(None, "--apply")
    """Sidecar to apply to DATASET, your own copy."""
    name: str | None = option(None, "--name")
    """Name of the new sidecar.  [default: aligned-v1]"""
    model: Model = option(None, "--model", heading="Corrections", text=MODEL_HELP)
    kernel: Kernel = KERNEL
    photometric: Photometric = PHOTOMETRIC
    estimator: str | None = option(None, "--estimator")
    """Flow estimator: dis or pwcnet."""
    where: Where = where_field(
        1, "Number of pairs measured or corrected at once.", "Output"
    )
    as_json: bool = JSON

    @property
    def release(self) -> Json:
        """The fields of a ``Release`` that were typed."""
        return self.model_dump(
            include={"model", "kernel", "photometric"}, exclude_none=True
        )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.out is None) == (self.folder is None):
            raise ValueError(
                "give --out for a new sidecar, or --apply for an existing one"
            )
        own = (self.name, self.estimator, self.model, self.kernel, self.photometric)
        if self.folder is not None and any(value is not None for value in own):
            raise ValueError(
                "--apply can be combined with --on and --json only; the sidecar holds its settings"
            )
        return self


def _pixels(value: str | float | None) -> float | None:
    """A length in pixels, written ``1.0px`` or ``1.0``."""
    if not isinstance(value, str):
        return value
    try:
        length = float(value.strip().removesuffix("px"))
    except ValueError as error:
        raise ValueError(
            f"'{value}' is not a length; give pixels such as 1.0px"
        ) from error
    if not 0 <= length < float("inf"):
        raise ValueError(f"{value}: a length is 0px or more, and finite")
    return length


class AuditSettings(MeasuringSettings):
    """Options of ``audit``."""

    estimator: str | None = option(None, "--estimator", heading="Measuring")
    """Estimator of the residual flow: dis or pwcnet."""
    where: Where = where_field(2, "Number of pairs measured at once.")
    out: Folder = option(Path("audit"), "--out", heading="Output")
    """Folder for audit.csv, audit.json and audit.html."""
    limit_px: Annotated[float | None, BeforeValidator(_pixels)] = option(
        None, "--fail-above LENGTH"
    )
    """Exit with 1 if a pair's misalignment is unknown or larger than this, such as 1.0px. The
    standard error (misalignment_sigma_px) is not subtracted."""
    as_json: bool = option(False, "--json")
    """Also print audit.json on stdout."""


class PackageSettings(CommandSettings):
    """Options of ``package``."""

    target: Literal["folder", "hdf5", "webdataset", "imagefolder"] = option(..., "--to")
    """File format of the release."""
    out: Folder = option(..., "--out")
    """Root of the release: a new or empty folder, or the same release."""
    card: Path | None = option(None, "--card")
    """TOML file with title, authors, licence, faces and further fields."""
    shard_mb: Annotated[int, Field(ge=1)] = option(1000, "--shard-size")
    """Size of one webdataset or hdf5 file, in megabytes."""
    version: str | None = option(None, "--version X.Y.Z")
    """Version of the release, in place of the card's."""
    previous: Release | None = option(None, "--previous DIR")
    """The release that this one replaces: CHANGES lists the pairs that differ."""
    audit: Path | None = option(None, "--audit FILE")
    """audit.json of DATASET; its numbers go into the card."""
    where: Where = where_field(
        1, "Number of pairs, or shards of hdf5 and webdataset, written at once."
    )
    as_json: bool = JSON


class PatchSettings(CommandSettings):
    """Options of ``patches``."""

    out: Folder = option(..., "--out")
    """Folder of the new dataset: new, empty, or an unfinished run with the same settings."""
    scheme: Literal["dpdd", "sdd"] = option("dpdd", "--scheme")
    """dpdd: 512 px, overlap 0.6, with a last row and column at the border. sdd: downscaled to 0.70,
    without that row and column. Both drop the least sharp 30 % of the patches of a training
    picture."""
    side_px: Annotated[int, Field(ge=16)] | None = option(None, "--side")
    """Side of a patch, px."""
    overlap: ShareBelowOne = option(None, "--overlap")
    """Overlap of neighbouring training patches."""
    drop: ShareBelowOne = option(None, "--drop")
    """Share of the least sharp patches to drop."""
    scale: Scale = option(None, "--scale")
    """Scale to which pictures are reduced first."""
    where: Where = where_field(2, "Number of pictures cut at once.")
    as_json: bool = JSON

    @property
    def chosen(self) -> Json:
        """The fields of a ``Scheme`` that were typed."""
        wanted = {"side_px", "overlap", "drop", "scale"}
        return self.model_dump(include=wanted, exclude_none=True)


class AuditUse(CommandSettings):
    """How the pairs are measured by a command that uses an audit."""

    estimator: str | None = option(None, "--estimator")
    """Flow estimator used by the audit: dis or pwcnet."""
    where: Where = where_field(2, "Number of pairs measured at once.")
    as_json: bool = JSON


class SplitSettings(CommandSettings):
    """Options of ``split``."""

    out: Folder = option(..., "--out")
    """Folder of the new dataset: new, empty, or made with the same split."""
    test: Share = option(0.2, "--test")
    """Share of the pairs that the test split gets."""
    validation: Share = option(0.1, "--validation")
    """Share of the pairs that the validation split gets."""
    seed: Annotated[int, Field(ge=0)] = option(0, "--seed", show_default=True)
    """Seed of the random split."""


class ReportSettings(CommandSettings):
    """Options of ``report``."""

    out: Folder = option(Path("report"), "--out")
    """Folder for dataset.html and dataset.pdf."""


class CurateSettings(CommandSettings):
    """Options of ``curate``."""

    out: Folder = option(..., "--out", heading="Output")
    """Folder of the new dataset: new, empty, or an unfinished run with the same rules."""
    rules: Path | None = option(None, "--rules", heading="Judging")
    """TOML file: most_misalignment_px (1.0 where none is given), most_gain_ev (0.5), unknown =
    "accept" (else reject), and likewise same_picture and without_sharp; most_residual_px,
    most_blur_px, most_unexplained_stops, most_light_across_ev, most_blurrier_share,
    most_colour_change, most_clipped_share, most_suspicion, least_blur_px, blurred_share,
    least_reliable_share, least_sharpness, sharper = false."""


class CurateAuditUse(AuditUse):
    """Options of :class:`AuditUse` for a command whose options have headings."""

    as_json: bool = option(False, "--json", heading="Output")
    """Print one JSON object on stdout."""


class VerifySettings(CommandSettings):
    """Options of ``verify``."""

    repair: Release | None = option(None, "--repair FROM")
    """Another copy of DIR, used to replace wrong files. Files that do not belong in DIR are moved
    to a folder next to it."""
    against: str | None = option(None, "--against SOURCE")
    """Address or folder of a release: compare DIR with its checksums instead of DIR's own."""
    where: Where = where_field(1, "Number of files read at once.")
    as_json: bool = JSON


class RigSettings(CommandSettings):
    """Options of ``rig``."""

    out: AnyPath = option(..., "--out")
    """Rig file to write (TOML)."""
    mirrored: bool = option(False, "--mirrored")
    """The second camera sees the scene in a mirror."""
    lenses: AnyPath | None = option(None, "--lenses")
    """TOML file with OpenCV calibrations in the tables blurry_camera and sharp_camera, the latter
    of unmirrored pictures; without it, lenses are taken to have no distortion."""


def _sha256(value: str | None) -> str | None:
    text = None if value is None else value.lower()
    if text is not None and (len(text) != 64 or set(text) - set("0123456789abcdef")):
        raise ValueError(f"'{value}': a SHA-256 has 64 hexadecimal digits")
    return text


class FetchSettings(CommandSettings):
    """Options of ``fetch``."""

    out: AnyPath = option(..., "--out")
    """Folder of the release, or folder for an archive; run again to continue."""
    only: tuple[str, ...] = option((), "--only PATTERN")
    """Only these files and the documents, such as 'test-*.tar'; can be repeated."""
    sha256: Annotated[str | None, BeforeValidator(_sha256)] = option(None, "--sha256")
    """Hash that 'package' printed, or hash of the archive."""
    trust_first: bool = option(False, "--trust-first")
    """Accept an archive of unknown hash and record it; later fetches must match it."""
    as_json: bool = JSON


class ImportSettings(CommandSettings):
    """Options of ``import``."""

    out: Folder = option(..., "--out")
    """Folder of the new dataset: new, empty, or an unfinished import of the same sessions."""
    where: Where = where_field(1, "Number of pairs imported and measured at once.")
    as_json: bool = JSON


class RenderSettings(CommandSettings):
    """Options of ``render``."""

    out: Folder = option(..., "--out")
    """Folder of the new dataset: new, empty, or an unfinished rendering of the same request."""
    where: Where = where_field(1, "Number of scenes rendered at once.")
    as_json: bool = JSON
