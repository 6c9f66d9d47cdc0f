"""A folder as models lie on the Hugging Face hub: ``config.json`` beside the weights."""

from pathlib import Path
from typing import Literal

from defocus.errors import WeightsError
from defocus.reading import read_json
from defocus.settings import Settings, parse_settings

__all__ = ["CONFIG", "WEIGHTS", "HubConfig", "read_hub_config"]

CONFIG, WEIGHTS = "config.json", "model.safetensors"


class HubConfig(Settings):
    """``config.json``: which network the weights beside it are of."""

    library_name: Literal["defocus"] = "defocus"
    system: str
    made_by: str
    licence: str
    trained_on: tuple[str, ...]


def read_hub_config(folder: Path) -> HubConfig:
    """Which network a folder holds."""
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
