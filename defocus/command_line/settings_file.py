"""A file that gives defaults of a command's options: errors in a default name the file."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from defocus.errors import SettingsError

if TYPE_CHECKING:  # it takes pydantic
    from defocus.settings import Settings

SETTINGS_FILE = "defocus.settings-file"
"""Key of the context's ``meta`` for the :class:`SettingsFile`."""


def key_of(option: click.Parameter) -> str:
    """The key of an option in settings files, such as ``max_shutter`` for ``--max-shutter``."""
    return _key(max(option.opts, key=len))


def keys_of(kind: "type[Settings]") -> set[str]:
    """The same of the options that are fields of a model."""
    extras = (field.json_schema_extra for field in kind.model_fields.values())
    words = (str(extra["words"]) for extra in extras if isinstance(extra, dict))
    return {_key(re.split("[ /]", each)[0]) for each in words}


def _key(word: str) -> str:
    return word.lstrip("-").replace("-", "_")


@dataclass(frozen=True)
class SettingsFile:
    """The file, and its table whose keys are the options."""

    path: str
    table: str

    def blamed(self, context: click.Context, text: str) -> SettingsError | None:
        """The error again, if it names an option that this file sets or quotes its value."""
        values = {
            key_of(one): (context.default_map or {}).get(one.name)
            for one in context.command.params
            if context.get_parameter_source(one.name)
            is click.core.ParameterSource.DEFAULT_MAP
        }
        said = text
        for key in values:
            typed = key.replace("_", "-")
            said = re.sub(
                rf"(?<![\w-])--{typed}(?![\w-])",
                f"'{self.table}.{key}'",
                said,
            )
        if said == text:
            quoted = []
            for key, value in values.items():
                parts = value if isinstance(value, list) else [value]
                if any(f"'{one}'" in text for one in parts):
                    quoted.append(key)
            said = f"'{self.table}.{quoted[0]}': {text}" if quoted else text
        return None if said == text else SettingsError(f"{self.path}: {said}")
