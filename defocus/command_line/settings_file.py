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
    """The keys of the options that are fields of a model."""
    keys = set()
    for field in kind.model_fields.values():
        extra = field.json_schema_extra
        if isinstance(extra, dict):
            word, *_ = re.split("[ /]", str(extra["words"]))
            keys.add(_key(word))
    return keys


def _key(word: str) -> str:
    return word.lstrip("-").replace("-", "_")


@dataclass(frozen=True)
class SettingsFile:
    """The file, and its table whose keys are the options."""

    path: str
    table: str

    def blamed(self, context: click.Context, text: str) -> SettingsError | None:
        """The error again, if it names an option that this file sets or quotes its value."""
        of_file = click.core.ParameterSource.DEFAULT_MAP
        defaults = context.default_map or {}
        values = {}
        for param in context.command.params:
            if context.get_parameter_source(param.name) is of_file:
                values[key_of(param)] = defaults.get(param.name)
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
