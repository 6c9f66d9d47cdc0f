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
    """Correction of one pair."""

    id: Annotated[str, AfterValidator(checked_id)]
    status: Literal["ok", "unknown"]  # ``unknown``: could not be aligned, and is left out
    reason: str = ""  # why it is unknown
    gain_ev: float | None = None  # log2 of blurry over sharp light, which the correction removes
    # PSNR of a perfect restoration, by the sharp picture's noise; None without
    ceiling_db: float | None = None


class Sidecar(Settings):
    """The whole document; pairs are sorted by id."""

    format: Literal["defocus-sidecar"] = "defocus-sidecar"
    version: Literal[1] = 1
    name: Annotated[str, Field(pattern=f"^{NAME.pattern}$")]  # of the correction
    reader: Annotated[str, Field(pattern="^[a-z][a-z0-9-]*$")]  # that opens the dataset
    release: dict[str, Any]  # settings of the compensation
    estimator: str  # of the flow
    pairs: Annotated[tuple[PairEntry, ...], Field(min_length=1)]


def sidecar_text(sidecar: Sidecar) -> str:
    """The canonical text of the document."""
    document = sidecar.model_dump(mode="json")
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_sidecar(folder: Path) -> Sidecar:
    """Verify every byte of a sidecar's folder and read it."""
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
