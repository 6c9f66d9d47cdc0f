"""What is available by name, of every kind: ours, of extras, of other packages, of plug-in files.

What is broken among the extras and in other packages is a warning, never the end of a program."""

import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from defocus.errors import DefocusError, RegistryError
from defocus.near_names import meant
from defocus.plugins.extensions import Plugin, plugins, public_values
from defocus.progress import warn_once

T = TypeVar("T")

_EXTRAS = "defocus.extras"
_EXTRA = "extra "
_POINT = "entry point "
"""First words of the place of a thing that an extra or another package brings through an entry
point."""


@dataclass(frozen=True)
class Offer:
    """Something that is available by name, not imported yet."""

    name: str
    origin: str  # where it is, in words
    # its module, or itself; None, after one warning, where that fails
    load: Callable[[], object]
    plugin: Plugin | None = None


Offers = dict[str, Offer]
"""Offers by their names."""


@dataclass(frozen=True, eq=False)
class Loaded:
    """The ``load`` of an offer that is loaded already."""

    value: object

    def __call__(self) -> object:
        """The value itself."""
        return self.value


class NoValue:
    """Type of the things of a kind that are modules with a function: no value is such a thing."""


@dataclass(frozen=True)
class Shape(Generic[T]):
    """What counts as a thing of a kind, at the top level of a module of whatever origin.

    That is the module as a whole, where it has the function; else each public value of the type,
    alone or in a tuple or list. Where the module lists them itself, as in BASELINES, others do not
    count.
    """

    # ``type`` is a function, as the type may need torch. With ``of_classes`` a thing is a class
    # that the module derives from it. With ``of_files``, as with a function, files have the names,
    # with - in place of _ unless ``keeps_name``. With ``marks_file`` a plug-in file with the
    # function counts too. ``inside`` is the module that stands for a folder, where that is not its
    # ``__init__.py``.

    type: Callable[[], Any]
    name_of: Callable[[Any], str] = lambda value: str(value.name)
    function: str = ""
    of_classes: bool = False
    of_files: bool = False
    marks_file: bool = False
    keeps_name: bool = False
    inside: str = ""

    def values(self, loaded: object, listed_as: str) -> list[T]:
        """The values of a module, of a tuple, or a single value, each once."""
        given = loaded
        if isinstance(loaded, ModuleType):
            given = getattr(loaded, listed_as, loaded)
        things: dict[int, T] = {}
        for value in public_values(given):
            if not self._fits(value):
                continue
            if given is loaded and self._is_imported(value, loaded):
                continue
            things[id(value)] = value
        return list(things.values())

    def _fits(self, value: object) -> bool:
        if self.of_classes:
            return isinstance(value, type) and issubclass(value, self.type())
        return isinstance(value, self.type())

    def _is_imported(self, value: Any, loaded: object) -> bool:  # noqa: ANN401 - of the type
        """Whether a class comes from another module; other values do not show that."""
        home = getattr(loaded, "__name__", "")
        return self.of_classes and bool(home) and value.__module__ != home

    def is_whole(self, loaded: object) -> bool:
        """Whether a module as a whole is the thing: it has the function, or is one itself."""
        if not self.function:
            return False
        return callable(getattr(loaded, self.function, loaded))

    @property
    def names_files(self) -> bool:
        """Whether file names are the things' names, so that nothing is imported to find them."""
        return self.of_files or bool(self.function)

    def file_name(self, name: str) -> str:
        """The name of a module that counts as a whole."""
        return name if self.keeps_name else name.replace("_", "-")


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A kind of thing that one file adds, such as a metric.

    Ours are the modules of ``home``. Others bring theirs in the folder ``name`` of an extra, as an
    entry point of the group ``defocus.NAME``, or in a plug-in file.
    """

    # The names of what others bring begin with ``prefix``, which is not part of the name here.

    name: str
    shape: Shape[T]
    home: str = ""
    word: str = ""
    prefix: str = ""

    def offers(self) -> Offers:
        """All offers by name: ours, of extras, packages, plug-ins; a second one is refused."""
        return self._unique(
            [*self.own().values(), *self.brought(), *self._of_plugins()]
        )

    def installed(self) -> Offers:
        """All offers by name, without those of plug-in files."""
        return self._unique([*self.own().values(), *self.brought()])

    def own(self) -> Offers:
        """Ours alone."""
        if not self.home:
            return {}
        return self._unique(self._named(_own_modules(self.home, self.shape.inside)))

    def brought(self) -> list[Offer]:
        """The offers of extras and other packages, though two may have one name."""
        modules = _brought_modules(self.name, self.shape.inside)
        return self._without_prefix(self._named(modules))

    def values(self) -> list[tuple[Offer, T]]:
        """The things behind the offers, for a kind whose things have names of their own."""
        return [(offer, self.value(offer)) for offer in self.offers().values()]

    def value(self, offer: Offer) -> T:
        """The value of an offer that is loaded already."""
        thing: Any = offer.load()
        typed: T = thing
        return typed

    def find(
        self,
        name: str,
        error: type[DefocusError] = RegistryError,
        listed_by: str = "",
    ) -> Offer:
        """The offer of that name; an unknown name is an error with near names."""
        offers = self.offers()
        if name not in offers:
            raise error(self.unknown(name, offers, listed_by))
        return offers[name]

    def unknown(
        self,
        name: str,
        names: Iterable[str],
        listed_by: str = "",
    ) -> str:
        """Message for a name that none of the kind has."""
        return f"no {self.singular} '{name}'; {meant(name, sorted(names), listed_by)}"

    def thing(self, offer: Offer) -> Any:  # noqa: ANN401 - a module, whose functions mypy cannot know
        """The module or the value of an offer; None, after one warning, if it is broken."""
        loaded = offer.load()
        if loaded is None or self.shape.is_whole(loaded):
            return loaded
        values = self._values_in(loaded)
        if values:
            return values[0]
        self._say_empty(offer.origin)
        return None

    @property
    def singular(self) -> str:
        """The word for a thing of the kind."""
        return self.word or self.name.removesuffix("s")

    def _values_in(self, loaded: object) -> list[T]:
        return self.shape.values(loaded, self.name.upper())

    def _named(self, modules: Iterable[Offer]) -> list[Offer]:
        """Modules by their files' names, or else the things in them by their own."""
        named = []
        for module in modules:
            if self.shape.names_files:
                name = self.shape.file_name(module.name)
                named.append(Offer(name, module.origin, module.load))
                continue
            loaded = module.load()
            values = self._values_in(loaded)
            named += [self._offer(value, module.origin) for value in values]
            is_brought = module.origin.startswith((_EXTRA, _POINT))
            if loaded is not None and not values and is_brought:
                self._say_empty(module.origin)
        return named

    def _of_plugins(self) -> list[Offer]:
        offers = []
        for plugin in plugins():
            origin = f"plug-in {plugin.path}"
            if self.shape.marks_file and self.shape.is_whole(plugin.module):
                name = self.shape.file_name(plugin.path.stem)
                offers.append(Offer(name, origin, Loaded(plugin.module), plugin))
            values = self._values_in(plugin.module)
            offers += [self._offer(value, origin, plugin) for value in values]
        return self._without_prefix(offers)

    def _offer(
        self,
        value: T,
        origin: str,
        plugin: Plugin | None = None,
    ) -> Offer:
        name = self.shape.name_of(value)
        if not name:
            its = getattr(value, "__name__", type(value).__name__)
            raise RegistryError(f"{origin}: {self.singular} {its} lacks 'name'; set it")
        return Offer(name, origin, Loaded(value), plugin)

    def _without_prefix(self, offers: list[Offer]) -> list[Offer]:
        shortened = []
        for offer in offers:
            if offer.name.startswith(self.prefix):
                name = offer.name.removeprefix(self.prefix)
                shortened.append(Offer(name, offer.origin, offer.load, offer.plugin))
        return shortened

    def _unique(self, offers: Iterable[Offer]) -> Offers:
        by_name: Offers = {}
        seen: set[int] = set()
        for offer in offers:
            if isinstance(offer.load, Loaded):
                identity = id(offer.load.value)
                if identity in seen:  # a file may import what another one defines
                    continue
                seen.add(identity)
            first = by_name.setdefault(offer.name, offer)
            if first is not offer:
                places = f"{first.origin} and by {offer.origin}"
                problem = (
                    f"{self.singular} '{offer.name}' is defined by {places}; rename one"
                )
                refuse(offer.origin, problem)
        return by_name

    def _say_empty(self, origin: str) -> None:
        wanted = self.shape.type().__name__
        if self.shape.function:
            wanted = f"function '{self.shape.function}'"
        warn_once(f"{origin} has no {wanted} and is left out; mend or remove it")


def refuse(origin: str, problem: str) -> None:
    """Refuse what somebody has brought: ours or a plug-in file's is an error, else a warning."""
    if not origin.startswith((_EXTRA, _POINT)):
        raise RegistryError(problem)
    warn_once(f"{problem}; {origin} is left out")


def _own_modules(package: str, inside: str) -> Iterator[Offer]:
    """The modules of a package of our own."""
    folders = list(map(Path, import_module(package).__path__))
    return _modules(folders, package, inside)


def _brought_modules(kind: str, inside: str) -> Iterator[Offer]:
    """The modules in the folder ``kind`` of each extra, and the entry points ``defocus.kind``."""
    for extras in import_module(_EXTRAS).__path__:
        for folder in sorted(Path(extras).glob(f"[!._]*/{kind}")):
            extra = folder.parent.name
            package = f"{_EXTRAS}.{extra}.{kind}"
            yield from _modules([folder], package, inside, extra)
    points = _entry_points(tuple(sys.path))
    for point in points.select(group=f"defocus.{kind}"):
        package = point.dist.name if point.dist is not None else "unknown distribution"
        origin = f"{_POINT}{point.name!r} ({package}: {point.value})"
        yield Offer(point.name, origin, partial(_loaded, point.load, origin))


def _modules(
    folders: Iterable[Path],
    package: str,
    inside: str = "",
    extra: str = "",
) -> Iterator[Offer]:
    """The public modules in folders of a package, sorted by name; none is imported."""
    paths: dict[str, str] = {}
    for folder in folders:
        for module in pkgutil.iter_modules([str(folder)]):
            paths[module.name] = module.name
        for file in folder.glob(f"*/{inside}.py"):  # with or without an __init__.py
            paths[file.parent.name] = f"{file.parent.name}.{inside}"
    for name, below in sorted(paths.items()):
        if not name.startswith("_"):
            path = f"{package}.{below}"
            origin = f"{_EXTRA}{extra!r} ({path})" if extra else path
            load = partial(import_module, path)
            yield Offer(name, origin, partial(_loaded, load, origin))


@lru_cache
def _entry_points(_path: tuple[str, ...]) -> metadata.EntryPoints:
    """The entry points of all distributions on ``sys.path``, read once: a command asks often."""
    return metadata.entry_points()  # type: ignore[return-value]  # Python 3.11: another with select


def _loaded(load: Callable[[], object], origin: str) -> object:
    try:
        return load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stranger's module raises
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        warn_once(
            f"{origin} cannot be loaded and is left out: {reason}; mend or remove it"
        )
        return None
