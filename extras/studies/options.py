"""Settings of the studies that measure one thing: their options. It imports nothing heavy."""

from pathlib import Path
from typing import Annotated, Any

import click
from pydantic import Field

from defocus.benchmark.study.options import ON, SOURCE, StudyOptions
from defocus.benchmark.study.plan import Seeds
from defocus.command_line.options import Folder
from defocus.command_line.where import where_field
from defocus.processes.machines import Where
from defocus.settings import JSON, JSON_LIST, CommandSettings, option


def _folder(name: str) -> Any:  # noqa: ANN401 - stands for the field's value
    text = "Folder of the study; finished runs in it are not repeated."
    return option(Path(name), "--out", heading="Study", text=text)


class MapsSettings(CommandSettings):
    """Options of ``studies maps``."""

    dataset: str = option("sample", "--dataset")
    """Dataset with true defocus maps, as READER:PATH."""
    where: Where = where_field(1, "Number of pictures measured at once.")
    as_json: bool = JSON_LIST


class RenderDosesSettings(CommandSettings):
    """Options of ``studies render-doses``."""

    out: Folder = option(..., "--out")
    """Folder of the new dataset: new, empty, or an unfinished rendering of the same request."""
    photographs: Folder | None = option(None, "--photographs")
    """Sharp photographs, instead of the folder that the request names."""
    where: Where = where_field(1, "Number of scenes rendered at once.")
    as_json: bool = JSON


class MeasuredStudy(StudyOptions):
    """A study whose rows have a folder for themselves."""

    seeds: Seeds = option(1, "--seeds")
    """Number of seeds for each training."""
    where: Where | None = ON
    dry_run: bool = option(False, "--dry-run", heading="Output")
    """Print the plan and its estimated cost, then exit."""
    as_json: bool = JSON


class Doses(click.ParamType[tuple[float, ...]]):
    """Doses with commas between; ``all`` is an empty tuple."""

    name = "doses"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[float, ...]:
        """The doses, px."""
        if isinstance(value, tuple) or value == "all":
            return () if value == "all" else value
        try:
            return tuple(map(float, str(value).split(",")))
        except ValueError:
            self.fail(
                f"{value!r} is not a list of numbers, such as 0,2,8, or 'all'.",
                param,
                ctx,
            )


class AblatedRows(CommandSettings):
    """Options of ``studies ablate`` that say which rows are trained, and with which network."""

    narrow: bool = option(False, "--narrow", heading="Ablation")
    """Use networks of 16 channels and 2000 steps of 64 px: minutes per row on a CPU."""
    network: str = option("", "--network SYSTEM")
    """With --doses: train the network of this system, such as nafnet, instead of a small U-Net:
    with --narrow its narrow copy; with --from beginning with given weights. A system of --plugin is
    trained as it is, by default for 2000 steps of 64 px."""
    source: str | None = SOURCE
    equal_time: bool = option(False, "--equal-time")
    """Also train the plain loss and its controls for as long as the objective takes."""
    doses: tuple[float, ...] | None = option(
        None, "--doses PX,PX,...", type=Doses(), multiple=False
    )
    """Train every row with each of these doses of misalignment, in this order; 'all' for every
    dose of the dataset."""
    central: bool = option(False, "--central")
    """With --doses: only the blurry input, the plain loss, the whole objective, its rivals
    (training on registered pairs), and the controls."""
    lines: tuple[str, ...] = option((), "--line LABEL")
    """With --doses: only this row, in addition to the blurry input, the plain loss, the whole
    objective and the control on true pairs; may be repeated. A row is named as in the table, with
    or without its number; an unknown name lists all."""

    def require_by_dose(self) -> None:
        """Refuse options that do not go with doses."""
        if self.equal_time:
            raise click.UsageError(
                "--equal-time does not go with --doses; leave one out"
            )
        if self.central and self.lines:
            raise click.UsageError("--line does not go with --central; leave one out")

    def require_without_doses(self) -> None:
        """Refuse options that only go with doses."""
        alone = {
            "--central": self.central,
            "--network": self.network,
            "--from": self.source,
            "--line": self.lines,
        }
        for name in (word for word, given in alone.items() if given):
            raise click.UsageError(
                f"{name} goes with --doses; add --doses, or leave it out"
            )


class AblationStudy(MeasuredStudy):
    """Options of ``studies ablate`` that say which study."""

    out: Folder = _folder("defocus-ablation")


class TrainedAndTested(CommandSettings):
    """Options of ``studies generalise`` that say what is trained, and where it is tested."""

    test: tuple[str, ...] = option(..., "--test DATASET")
    """Also test on this dataset; repeatable. --dataset is the training dataset."""
    only: tuple[str, ...] = option(..., "--only PATTERN")
    """Systems to train; repeatable."""


class GeneralisationStudy(MeasuredStudy):
    """Options of ``studies generalise`` that say which study."""

    out: Folder = _folder("defocus-generalisation")


class InjectedMisalignment(CommandSettings):
    """Options of ``studies misalignment`` that say how much, and what is trained."""

    shifts: tuple[Annotated[float, Field(ge=0)], ...] = option(
        (0.0, 0.5, 1.0, 2.0, 4.0), "--shift"
    )
    """Injected shift, px; repeatable."""
    zooms: tuple[Annotated[float, Field(ge=0, le=0.2)], ...] = option(
        (0.005, 0.01, 0.02), "--zoom"
    )
    """Injected zoom, as difference from 1; repeatable."""
    only: tuple[str, ...] = option(("unet", "jdrl-unet"), "--only PATTERN")
    """Systems to train; repeatable."""


class MisalignmentStudy(MeasuredStudy):
    """Options of ``studies misalignment`` that say which study."""

    out: Folder = _folder("defocus-misalignment")


class CrossStudy(CommandSettings):
    """Options of ``studies cross``."""

    scales: bool = option(False, "--scales", heading="Weights and datasets")
    """Also evaluate each network at the scales that the blur of a picture asks for, as
    NAME@scales."""
    dataset: tuple[str, ...] = option((), "--dataset READER:PATH")
    """Test on this dataset, such as dpdd:PATH, realdof:PATH or lfdof:PATH; repeatable."""
    out: Folder = option(Path("defocus-cross"), "--out", heading="Output")
    """Folder of the study; finished runs in it are not repeated. The tables are written to
    its cross.json and cross.md."""
    dry_run: bool = option(False, "--dry-run")
    """Print the plan and its estimated cost, then exit."""
    where: Where = where_field(
        1,
        "Number of pictures scored at once, in processes of their own.",
    )
    as_json: bool = JSON
