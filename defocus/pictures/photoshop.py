"""Photoshop image resources, of which IPTC is one, by Adobe's file formats specification."""

from defocus.pictures.blocks import Block

_IPTC = 0x0404
_THUMBNAILS = (0x0409, 0x040C)


def resource_blocks(resources: bytes) -> list[Block]:
    """The resources of a block; one block of unknown content if they are damaged."""
    parts = _parts(resources)
    if parts is None:
        return [Block("Photoshop resources", "", resources)] if resources else []
    blocks = []
    for number, begin, end, at in parts:
        if number in _THUMBNAILS:
            blocks.append(Block("Photoshop thumbnail"))
        elif number == _IPTC:
            blocks.append(Block("IPTC", "", resources[at:end]))
        else:
            blocks.append(Block("Photoshop resources", f"0x{number:04x}", resources[begin:end]))
    return blocks


def without_thumbnails(resources: bytes) -> bytes:
    """The resources without small pictures, which show the picture as it was."""
    parts = _parts(resources)
    if parts is None:
        return resources
    return b"".join(resources[a:b] for number, a, b, _ in parts if number not in _THUMBNAILS)


def iptc_resource(record: bytes) -> bytes:
    """An IPTC record as the resource that it is in a JPEG."""
    head = b"8BIM" + _IPTC.to_bytes(2, "big") + bytes(2) + len(record).to_bytes(4, "big")
    return head + record + bytes(len(record) % 2)


def _parts(resources: bytes) -> list[tuple[int, int, int, int]] | None:
    """Number, begin, end and begin of the content of each resource; None if they are damaged."""
    parts, place = [], 0
    while place + 12 <= len(resources):
        if resources[place : place + 4] not in {b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR"}:
            return None
        number = int.from_bytes(resources[place + 4 : place + 6], "big")
        name = resources[place + 6] + 1
        at = place + 6 + name + name % 2
        size = int.from_bytes(resources[at : at + 4], "big")
        end = at + 4 + size + size % 2
        if at + 4 + size > len(resources):
            return None
        parts.append((number, place, min(end, len(resources)), at + 4))
        place = end
    return parts if resources[place:].strip(b"\0") == b"" else None
