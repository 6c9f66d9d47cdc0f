"""``sidecar.json``: the dataset of a sidecar and its corrections of each pair."""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from defocus.datasets.manifest import ID_PATTERN
from defocus.datasets.verification.verify import verify_folder
from defocus.errors import DatasetError
from defocus.settings import Settings

__all__ = ["DOCUMENT", "NAME", "PairEntry", "Sidecar", "read_sidecar", "sidecar_text"]

DOCUMENT = "sidecar.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
MAX_BYTES = 256 * 1024 * 1024


class PairEntry(Settings):
    """One pair.

    Attributes:
        id: Id of the pair, as the reader names it.
        status: ``ok``, or ``unknown`` where it could not be aligned; it is left out then.
        reason: Why it is unknown.
        gain_ev: log2 of blurry over sharp light, which the correction takes away.
        ceiling_db: PSNR that a perfect restoration reaches against this sharp picture, whose noise
            nothing can restore; None where no noise was found.
    """

    id: Annotated[str, Field(pattern=f"^{ID_PATTERN}$")]
    status: Literal["ok", "unknown"]
    reason: str = ""
    gain_ev: float | None = None
    ceiling_db: float | None = None


class Sidecar(Settings):
    """The whole document.

    Attributes:
        name: Name of the correction.
        reader: Name of the reader that opens the dataset.
        release: How pairs are compensated.
        estimator: Flow estimator that measured them.
        pairs: Sorted by id.
    """

    format: Literal["defocus-sidecar"] = "defocus-sidecar"
    version: Literal[1] = 1
    name: Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
    reader: Annotated[str, Field(pattern="^[a-z][a-z0-9-]*$")]
    release: dict[str, Any]
    estimator: str
    pairs: Annotated[tuple[PairEntry, ...], Field(min_length=1)]


def sidecar_text(sidecar: Sidecar) -> str:
    """The one writing of the document."""
    document = sidecar.model_dump(mode="json")
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_sidecar(folder: Path) -> Sidecar:
    """Read a sidecar after every byte of its folder was verified.

    Raises:
        DatasetError: Not a sidecar, or a damaged one.
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
        if path.stat().st_size > MAX_BYTES:
            raise DatasetError(f"{path}: larger than any sidecar; this is not one")
        return Sidecar.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise DatasetError(
            f"{folder}: no {DOCUMENT} there; give the folder of a sidecar"
        ) from error
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise DatasetError(f"{path}: '{where}': {problem['msg'].lower()}") from error
