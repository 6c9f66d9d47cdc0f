"""A stand-in for the module ``gphoto2``: same calls, same errors, played by scripted bodies."""

import types
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

import gphoto2 as real

from tests.capture.scripted.body import BodyError, Place, ScriptedBody
from tests.capture.scripted.script import Entry

KINDS = {
    "TEXT": real.GP_WIDGET_TEXT,
    "RANGE": real.GP_WIDGET_RANGE,
    "TOGGLE": real.GP_WIDGET_TOGGLE,
    "RADIO": real.GP_WIDGET_RADIO,
    "MENU": real.GP_WIDGET_MENU,
    "DATE": real.GP_WIDGET_DATE,
    "WINDOW": real.GP_WIDGET_WINDOW,
    "SECTION": real.GP_WIDGET_SECTION,
}
VALUE_TYPES = {"RANGE": float, "TOGGLE": int, "DATE": int}


class Widget:
    """One entry, or a section of them."""

    def __init__(self, entry: Entry, children: Sequence["Widget"] = ()) -> None:
        self.entry, self.children, self.new = entry, list(children), entry.value

    def get_type(self) -> int:
        return int(KINDS[self.entry.kind])

    def get_name(self) -> str:
        return self.entry.name

    def get_value(self) -> Any:
        kind = VALUE_TYPES.get(self.entry.kind, str)
        return kind(float(self.new.replace(",", "."))) if kind is not str else self.new

    def set_value(self, value: Any) -> None:
        if not isinstance(value, VALUE_TYPES.get(self.entry.kind, str)):
            raise TypeError(f"{self.entry.name} takes no {type(value).__name__}")
        self.new = f"{value:g}" if isinstance(value, float) else str(value)

    def get_choices(self) -> Iterator[str]:
        return iter(self.entry.choices)

    def get_range(self) -> list[float]:
        return list(self.entry.span)

    def get_readonly(self) -> int:
        return int(self.entry.read_only)

    def count_children(self) -> int:
        return len(self.children)

    def get_child(self, index: int) -> "Widget":
        return self.children[index]


class PortList:
    """The ports there are; only lookups, as the back end uses them."""

    def load(self) -> None:
        pass

    def lookup_path(self, path: str) -> int:
        return PORTS.index(path) if path in PORTS else len(PORTS)

    def __getitem__(self, index: int) -> str:
        if index >= len(PORTS):
            raise real.GPhoto2Error(real.GP_ERROR_UNKNOWN_PORT)
        return PORTS[index]


PORTS = ["usb:001,001", "usb:001,002"]


def raising(call: Any) -> Any:
    """The body's errors as the binding raises them."""

    def called(*arguments: Any) -> Any:
        try:
            return call(*arguments)
        except BodyError as error:
            raise real.GPhoto2Error(error.code) from error

    return called


class Camera:
    """The binding's camera; of which body its port says. Each call has its errors."""

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        return raising(value) if callable(value) else value

    bodies: ClassVar[dict[str, ScriptedBody]] = {}

    def __init__(self) -> None:
        self.body = next(iter(self.bodies.values()))

    def set_port_info(self, port: str) -> None:
        self.body = self.bodies[port]

    def init(self) -> None:
        self.body.connect()

    def exit(self) -> None:
        pass

    def get_abilities(self) -> Any:
        return SimpleNamespace(model=self.body.script.model)

    def get_single_config(self, name: str) -> Widget:
        return Widget(self.body.entry(name))

    def set_single_config(self, name: str, widget: Widget) -> None:
        self.body.write(name, widget.new)

    def get_config(self) -> Widget:
        self.body.look_at_tree()
        sections: dict[str, list[Widget]] = {}
        for name, entry in self.body.script.entries.items():
            try:
                widget = Widget(self.body.entry(name))
            except BodyError:
                continue
            sections.setdefault(entry.path.split("/")[2], []).append(widget)
        children = [
            Widget(Entry(f"/main/{n}", "SECTION"), w) for n, w in sections.items()
        ]
        return Widget(Entry("/main", "WINDOW"), children)

    def capture(self, _kind: int) -> Any:
        folder, name = self.body.release()
        return SimpleNamespace(folder=folder, name=name)

    def wait_for_event(self, milliseconds: int) -> tuple[int, Any]:
        event = self.body.wait(milliseconds / 1000)
        kind = getattr(real, f"GP_EVENT_{event.kind}")
        if event.kind != "FILE_ADDED":
            return kind, event.text or None
        folder, _, name = event.text.rpartition("/")
        return kind, SimpleNamespace(folder=folder or "/", name=name)

    def capture_preview(self) -> Any:
        content = self.body.preview()
        return SimpleNamespace(get_data_and_size=lambda: content)

    def file_get(self, folder: str, name: str, _kind: int) -> Any:
        content = self._content((folder, name))
        self.body.unread.discard((folder, name))
        return SimpleNamespace(get_data_and_size=lambda: content)

    def file_get_info(self, folder: str, name: str) -> Any:
        size = len(self._content((folder, name)))
        return SimpleNamespace(file=SimpleNamespace(size=size, mtime=0))

    def file_delete(self, folder: str, name: str) -> None:
        self._content((folder, name))
        self.body.delete((folder, name))

    def folder_list_files(self, folder: str) -> list[tuple[str, None]]:
        return [(name, None) for where, name in self.body.listing() if where == folder]

    def folder_list_folders(self, folder: str) -> list[tuple[str, None]]:
        start = folder.rstrip("/") + "/"
        below = {
            where.removeprefix(start).split("/")[0]
            for where, _ in self.body.listing()
            if where.startswith(start) and where != "/"
        }
        return [(name, None) for name in sorted(below - {""})]

    def get_storageinfo(self) -> list[Any]:
        return self.body.storage()

    def _content(self, place: Place) -> bytes:
        if place not in self.body.files:
            raise BodyError(real.GP_ERROR_FILE_NOT_FOUND)
        return self.body.files[place]


class AbilitiesList:
    """What is plugged in."""

    def load(self) -> None:
        pass

    def detect(self, _ports: PortList) -> Any:
        bodies = list(Camera.bodies.items())
        return SimpleNamespace(
            count=lambda: len(bodies),
            get_name=lambda index: bodies[index][1].script.model,
            get_value=lambda index: bodies[index][0],
        )


def binding_of(bodies: Sequence[ScriptedBody]) -> types.ModuleType:
    """A module to stand in for ``gphoto2``, with these bodies plugged in."""
    module = types.ModuleType("gphoto2")
    vars(module).update({k: v for k, v in vars(real).items() if not k.startswith("__")})
    module.__spec__ = real.__spec__
    Camera.bodies = dict(zip(PORTS, bodies, strict=False))
    vars(module).update(
        Camera=Camera, CameraAbilitiesList=AbilitiesList, PortInfoList=PortList
    )
    return module
