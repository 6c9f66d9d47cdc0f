"""Settings of commands that run no study, as typed.

It imports nothing heavy, as ``--help`` reads it."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from defocus.command_line.options import Folder
from defocus.settings import JSON, JSON_LIST, CommandSettings, option

_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")


def _size(value: str | tuple[int, int]) -> tuple[int, int]:
    """Width and height of a picture in px, written ``1680x1120``."""
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value)
    if match is None:
        raise ValueError(f"{value!r} is not a size; write it as 1680x1120")
    return int(match[1]), int(match[2])


Size = Annotated[tuple[int, int], BeforeValidator(_size)]


class StudyFolder(CommandSettings):
    """The option of commands that read a study."""

    out: Folder = option(Path("defocus-results"), "--out")
    """Folder of the study."""


class StatusSettings(StudyFolder):
    """Options of ``status``."""

    as_json: bool = JSON


class CostSettings(CommandSettings):
    """Options of ``cost``."""

    size: tuple[Size, ...] = option(("256x256", "512x512"), "--size WxH")
    """Picture size in px; repeatable."""
    repeats: Annotated[int, Field(ge=1)] = option(5, "--repeats")
    """Number of timed passes per size, after one warm-up pass."""
    as_json: bool = JSON_LIST


class StudyReportSettings(StudyFolder):
    """Options of ``report``."""

    against: Folder | None = option(None, "--against")
    """Folder of another study to compare with; writes comparison.html and comparison.pdf."""
    others: tuple[Folder, ...] = option((), "--with")
    """Folder of another study of the same dataset, whose systems are added; repeatable. The report
    is then together.html and together.pdf."""
    figures: Folder | None = option(None, "--figures FOLDER")
    """Instead of the report, draw figures for a paper into this folder, as vector files: quality
    against cost, training curves, and the figures of the report's sections."""
    files: Literal["pdf", "svg"] = option("pdf", "--format")
    """Format of --figures."""
    as_json: bool = option(False, "--json")
    """With --against: print one JSON object."""


class PublishedSettings(CommandSettings):
    """Options of ``published``."""

    against: Folder | None = option(None, "--against STUDY")
    """Compare this study's numbers of SYSTEM with the published ones."""
    dataset: str | None = option(None, "--dataset NAME")
    """Show this dataset only, such as dpdd or realdof."""
    metric: str | None = option(None, "--metric NAME")
    """Show this metric only, such as psnr or params_m."""
    as_json: bool = JSON_LIST


class WeightsListSettings(CommandSettings):
    """Options of ``weights list`` and ``weights check``."""

    as_json: bool = JSON_LIST


class FetchWeightsSettings(CommandSettings):
    """Options of ``weights fetch``."""

    source: str | None = option(None, "--from FILE_OR_URL")
    """Use this file or address instead of the official server."""


class ShipSettings(CommandSettings):
    """Options of ``weights ship``."""

    out: Folder | None = option(None, "--out")
    """Folder for the two files; by default the folder of the package."""


class AddSettings(CommandSettings):
    """Options of ``weights add``."""

    label: str | None = option(None, "--label")
    """Label of the weights; by default the name of the first file."""
    trained_on: tuple[str, ...] = option((), "--trained-on DATASET")
    """Dataset the weights were trained on; repeatable. Not needed for official weights, which the
    system's card lists."""
    key: str = option("", "--key NAME")
    """Table of the weights, if the file has several, such as params_ema. By default the table that
    fits best; a running average (ema) only if no other table fits as well."""
    as_json: bool = JSON


class SystemListSettings(CommandSettings):
    """Options of ``list``."""

    measure: bool = option(False, "--measure")
    """Also run each system once at 512x512 px to measure seconds, memory besides the weights, and
    the error of bf16 against float32. Takes minutes."""
    variants: bool = option(False, "--variants")
    """Also list the variants of every system."""
    as_json: bool = option(False, "--json")
    """Print JSON on stdout."""
