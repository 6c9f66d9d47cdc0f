"""A folder as models lie on the Hugging Face hub: ``config.json`` beside the weights."""

from pathlib import Path
from typing import Literal

from defocus.errors import WeightsError
from defocus.reading import read_json
from defocus.settings import Settings, parse_settings

__all__ = ["CONFIG", "WEIGHTS", "HubConfig", "read_hub_config"]

CONFIG, WEIGHTS = "config.json", "model.safetensors"


class HubConfig(Settings):
    """``config.json``: which network the weights beside it are of.

    Attributes:
        library_name: Which package reads it.
        system: Name of the system.
        made_by: Version of this package.
        licence: Of code and weights.
        trained_on: Names of datasets.
    """

    library_name: Literal["defocus"] = "defocus"
    system: str
    made_by: str
    licence: str
    trained_on: tuple[str, ...]


def read_hub_config(folder: Path) -> HubConfig:
    """Which network a folder holds.

    Raises:
        WeightsError: The folder has no such file, or it is no JSON.
        SettingsError: It has an unknown key or a wrong value.
    """
    path = folder / CONFIG
    try:
        document = read_json(path)
    except FileNotFoundError as error:
        raise WeightsError(
            f"{folder}: no {CONFIG} in it; give a folder of 'export-weights --to hub'"
        ) from error
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path}: damaged ({error}); export the weights again") from error
    return parse_settings(HubConfig, document, origin=str(path))
