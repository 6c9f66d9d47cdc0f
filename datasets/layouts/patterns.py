"""Path patterns: ``{name}`` is one or more characters of a component, ``*`` any; case matters."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from defocus.images import IMAGE_SUFFIXES

__all__ = ["Fit", "filled", "fits", "fixed_folder", "placeholders"]

_TOKEN = re.compile(r"\{([a-z]+)\}|(\*)|([^{*]+)")


@dataclass(frozen=True)
class Fit:
    """A file that matches a pattern, with the values of the placeholders."""

    path: Path
    values: Mapping[str, str]

    def key(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The values of some placeholders."""
        return tuple(self.values[name] for name in names)


def placeholders(pattern: str) -> tuple[str, ...]:
    """Names of a pattern's placeholders, each once, sorted."""
    return tuple(sorted(set(re.findall(r"\{([a-z]+)\}", pattern))))


def filled(pattern: str, values: Mapping[str, str]) -> str:
    """The pattern with its placeholders replaced; ``*`` stays."""
    return re.sub(r"\{([a-z]+)\}", lambda found: values[found[1]], pattern)


def fixed_folder(pattern: str) -> str:
    """The folders of a pattern before the first one with a placeholder or a ``*``."""
    fixed = []
    for part in pattern.split("/")[:-1]:
        if "{" in part or "*" in part:
            break
        fixed.append(part)
    return "/".join(fixed)


def fits(root: Path, pattern: str) -> Iterator[Fit]:
    """The files below a folder that match a pattern, by name; hidden ones are skipped."""
    *folders, file = pattern.split("/")
    found = iter([Fit(root, {})])
    for folder in folders:
        found = _descended(found, folder)
    suffixless, wild, _ = file.rpartition(".*")
    for fit in found:
        if wild:
            yield from _pictures(fit, suffixless)
        else:
            yield from (next_ for next_ in _children(fit, file) if next_.path.is_file())


def _descended(found: Iterator[Fit], folder: str) -> Iterator[Fit]:
    for fit in found:
        yield from (child for child in _children(fit, folder) if child.path.is_dir())


def _children(parent: Fit, component: str) -> Iterator[Fit]:
    stem, dot, suffix = component.rpartition(".")
    if "{" not in component and "*" not in component:
        if (parent.path / component).exists():
            yield Fit(parent.path / component, parent.values)
        return
    known_suffix = f".{suffix}".lower() if dot and f".{suffix}" in IMAGE_SUFFIXES else None
    wanted = _expression(stem if known_suffix else component, parent.values)
    for path in _listed(parent.path):
        if known_suffix is None:
            match = wanted.fullmatch(path.name)
        else:
            match = wanted.fullmatch(path.stem) if path.suffix.lower() == known_suffix else None
        if match:
            yield Fit(path, {**parent.values, **match.groupdict()})


def _pictures(parent: Fit, stem: str) -> Iterator[Fit]:
    """Files of a folder with the suffix of any picture format."""
    wanted = _expression(stem, parent.values)
    for path in _listed(parent.path):
        match = wanted.fullmatch(path.stem)
        if match and path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
            yield Fit(path, {**parent.values, **match.groupdict()})


def _listed(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _expression(component: str, known: Mapping[str, str]) -> re.Pattern[str]:
    text = ""
    seen: set[str] = set()
    for name, star, literal in _TOKEN.findall(component):
        if literal:
            text += re.escape(literal)
        elif star:
            text += ".*"
        elif name in known:
            text += re.escape(known[name])
        else:
            text += f"(?P={name})" if name in seen else f"(?P<{name}>.+?)"
            seen.add(name)
    return re.compile(text)
