"""A file that gives defaults of a command's options: what is wrong with one is blamed on it."""

import re
from dataclasses import dataclass

import click

from defocus.errors import SettingsError

SETTINGS_FILE = "defocus.settings-file"
"""Key of the context's ``meta`` for the :class:`SettingsFile`."""


@dataclass(frozen=True)
class SettingsFile:
    """The file, and its table whose keys are the options, named without leading dashes."""

    path: str
    table: str

    def blamed(self, context: click.Context, text: str) -> SettingsError | None:
        """The error again, if it names an option that this file sets or quotes its value."""
        values = {
            max(one.opts, key=len).lstrip("-"): (context.default_map or {}).get(one.name)
            for one in context.command.params
            if context.get_parameter_source(one.name) is click.core.ParameterSource.DEFAULT_MAP
        }
        said = text
        for key in values:
            said = re.sub(rf"(?<![\w-])--{key}(?![\w-])", f"'{self.table}.{key}'", said)
        if said == text:
            quoted = [key for key, value in values.items() if f"'{value}'" in text]
            said = f"'{self.table}.{quoted[0]}': {text}" if quoted else text
        return None if said == text else SettingsError(f"{self.path}: {said}")
