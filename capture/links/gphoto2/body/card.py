"""The cards of a body: space, and how many files it has to list."""

from typing import Any

__all__ = ["cards_of"]


def cards_of(
    camera: Any,  # noqa: ANN401 - the binding's
    gp: Any,  # noqa: ANN401 - likewise
    *,
    count_files: bool,
) -> list[dict[str, Any]]:
    """Each card: ``folder``, ``total_kb``, ``free_kb`` (None = not told), ``files`` (or 0)."""
    try:
        stores = camera.get_storageinfo()
    except gp.GPhoto2Error:
        return []
    return [
        {
            "folder": store.basedir,
            "total_kb": _told(store, gp.GP_STORAGEINFO_MAXCAPACITY, store.capacitykbytes),
            "free_kb": _told(store, gp.GP_STORAGEINFO_FREESPACEKBYTES, store.freekbytes),
            "files": _count(camera, gp, store.basedir) if count_files else 0,
        }
        for store in stores
    ]


def _told(store: Any, field: int, value: int) -> int | None:  # noqa: ANN401 - the binding's
    return int(value) if store.fields & field else None


def _count(camera: Any, gp: Any, folder: str) -> int:  # noqa: ANN401 - the binding's
    try:
        files = len(list(camera.folder_list_files(folder)))
        below = [name for name, _ in camera.folder_list_folders(folder)]
    except gp.GPhoto2Error:
        return 0
    return files + sum(_count(camera, gp, f"{folder.rstrip('/')}/{name}") for name in below)
