"""``sidecar.json``: the dataset of a sidecar and its corrections of each pair."""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from defocus.datasets.manifest import checked_id
from defocus.datasets.verification.verify import verify_folder
from defocus.errors import DatasetError
from defocus.reading import read_bytes
from defocus.settings import Settings

__all__ = ["DOCUMENT", "NAME", "PairEntry", "Sidecar", "read_sidecar", "sidecar_text"]

DOCUMENT = "sidecar.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
MAX_BYTES = 256 * 1024 * 1024


class PairEntry(Settings):
    """Correction of one pair.

    Attributes:
        id: Id of the pair, as the reader names it.
        status: ``ok``, or ``unknown`` if it could not be aligned and is left out.
        reason: Why it is unknown.
        gain_ev: log2 of blurry over sharp light, which the correction removes.
        ceiling_db: PSNR of a perfect restoration against this sharp picture, limited by its noise;
            None if no noise was found.
    """

    id: Annotated[str, AfterValidator(checked_id)]
    status: Literal["ok", "unknown"]
    reason: str = ""
    gain_ev: float | None = None
    ceiling_db: float | None = None


class Sidecar(Settings):
    """The whole document.

    Attributes:
        name: Name of the correction.
        reader: Name of the reader that opens the dataset.
        release: Settings of the compensation.
        estimator: Flow estimator of the measurements.
        pairs: Pairs, sorted by id.
    """

    format: Literal["defocus-sidecar"] = "defocus-sidecar"
    version: Literal[1] = 1
    name: Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
    reader: Annotated[str, Field(pattern="^[a-z][a-z0-9-]*$")]
    release: dict[str, Any]
    estimator: str
    pairs: Annotated[tuple[PairEntry, ...], Field(min_length=1)]


def sidecar_text(sidecar: Sidecar) -> str:
    """The canonical text of the document."""
    document = sidecar.model_dump(mode="json")
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_sidecar(folder: Path) -> Sidecar:
    """Verify every byte of a sidecar's folder and read it.

    Raises:
        DatasetError: The folder is not a sidecar, or is damaged.
    """
    found = verify_folder(folder)
    if not found.ok:
        wrong = found.wrong[0]
        raise DatasetError(
            f"{folder}: {wrong.file} is {wrong.kind}; get the sidecar again, or repair it with "
            "'defocus-data verify --repair'"
        )
    path = folder / DOCUMENT
    try:
        return Sidecar.model_validate_json(read_bytes(path, MAX_BYTES))
    except FileNotFoundError as error:
        raise DatasetError(
            f"{folder}: no {DOCUMENT} there; give the folder of a sidecar"
        ) from error
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise DatasetError(f"{path}: '{where}': {problem['msg'].lower()}") from error
