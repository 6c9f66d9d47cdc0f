"""Commands, and a patch, that add a bundle to a collection in whatever repository."""

import difflib
import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from defocus.errors import InputError
from defocus.extras.labs.repository.settings import SETTINGS, read_repository
from defocus.extras.labs.statement import Statement, digest
from defocus.reading import read_text
from defocus.storage.files import write_text

ANY_COLLECTION = Path("COLLECTION")
"""Placeholder for the folder of a collection where none was named."""


@dataclass(frozen=True)
class Addition:
    """How a bundle comes into a collection."""

    commands: tuple[str, ...]  # for a shell, in their order
    # the change of its settings that makes the lab known; None where it is known, or no collection
    # was named
    patch: Path | None


def require_collection(collection: Path | None) -> None:
    """Refuse a folder that is no collection of bundles."""
    if collection is not None and not (collection / SETTINGS).is_file():
        raise InputError(
            f"{collection}: no {SETTINGS} there; give the folder of a collection"
        )


def key_line(statement: Statement) -> str:
    """The line of a collection's settings that admits a lab, in the table ``[labs]``."""
    name = json.dumps(statement.lab, ensure_ascii=False)  # quoted as in TOML
    return f'{name} = "{statement.key}"'


def addition(bundle: Path, statement: Statement, collection: Path | None) -> Addition:
    """The commands that add a bundle to a collection; a patch is written beside it if needed."""
    folder = collection or ANY_COLLECTION
    patch = (
        None if collection is None else _written_patch(bundle, statement, collection)
    )
    target = (
        folder
        / "bundles"
        / _folder_name(statement.lab)
        / bundle_name(bundle, statement)
    )
    commands = [
        shlex.join(["mkdir", "-p", str(target.parent)]),
        shlex.join(["cp", str(bundle), str(target)]),
    ]
    if patch is not None:
        words = ["patch", "-d", str(folder), "-p1", "-i", str(patch.absolute())]
        commands.append(shlex.join(words))
    commands.append(shlex.join(["defocus-bench", "labs", "check", str(folder)]))
    return Addition(tuple(commands), patch)


def bundle_name(bundle: Path, statement: Statement) -> str:
    """The name of a bundle in a collection, which no other bundle of the lab has."""
    return f"{_folder_name(bundle.stem)}-{digest(statement)[:8]}.zip"


def _folder_name(name: str) -> str:
    """A name as a folder or file of any system can have it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "lab"


def _written_patch(bundle: Path, statement: Statement, collection: Path) -> Path | None:
    """The patch that adds the lab's key to a collection's settings; None if they have it."""
    key = read_repository(collection).labs.get(statement.lab)
    if key == statement.key:
        return None
    if key is not None:
        raise InputError(
            f"{collection / SETTINGS}: names another key for {statement.lab!r}; give that one by "
            "--key, or another name by --lab"
        )
    before = read_text(collection / SETTINGS)
    patch = bundle.with_suffix(".patch")
    write_text(patch, _difference(before, _with_key(before, key_line(statement))))
    return patch


def _with_key(settings: str, line: str) -> str:
    """The text of a collection's settings with one more lab."""
    lines = settings.splitlines()
    heads = [
        number for number, text in enumerate(lines) if re.match(r"\s*\[labs\]", text)
    ]
    if heads:
        lines.insert(heads[0] + 1, line)
    else:
        lines += ["", "[labs]", line]
    return "\n".join(lines) + "\n"


def _difference(before: str, after: str) -> str:
    names = f"a/{SETTINGS}", f"b/{SETTINGS}"
    lines = difflib.unified_diff(
        before.splitlines(),
        after.splitlines(),
        *names,
        lineterm="",
    )
    return "\n".join(lines) + "\n"
