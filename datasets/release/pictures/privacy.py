"""Removal of places, persons and serial numbers from metadata."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["REMOVED", "without_private"]

REMOVED = "removed"

_PRIVATE = re.compile(
    r"serial|gps|latitude|longitude|altitude|location|owner|artist|author|photographer|operator"
    r"|body_?(number|id)|host|user|e?mail|uri|address|password|token|path|folder|directory",
    re.IGNORECASE,
)
SHORTEST = 4
"""A shorter value may stand in a text by chance."""
NO_SECRETS = {"unknown", "none", "null"}


def without_private(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Remove private keys (``serial_number``, ``gps``, …), and their values from other texts."""
    found = {text for text in _secrets(metadata) if len(text) >= SHORTEST}
    secrets = sorted(found - NO_SECRETS, key=len)
    return {
        key: _cleaned(value, secrets[::-1])
        for key, value in metadata.items()
        if not _PRIVATE.search(key)
    }


def _secrets(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """All values of private keys, as text."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner) if _PRIVATE.search(key) else _secrets(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _secrets(inner)


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _cleaned(value: Any, secrets: list[str]) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        return {
            key: _cleaned(inner, secrets)
            for key, inner in value.items()
            if not _PRIVATE.search(key)
        }
    if isinstance(value, list | tuple):
        return [_cleaned(inner, secrets) for inner in value]
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, REMOVED)
    return value
