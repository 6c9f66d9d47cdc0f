"""Share a page in the local network: the address that others open, and its QR code."""

import contextlib
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import click
import numpy as np

from defocus.errors import InputError
from defocus.extras.pages.serving.access import Share, new_token
from defocus.extras.pages.serving.server import listening_on
from defocus.progress import say

QUIET_MODULES = 2
"""Width of the light border in modules, around OpenCV's own border of 2: together they make the 4
of the standard."""

ELSEWHERE = ("192.0.2.1", 9)
"""An address for documentation (RFC 5737): a datagram socket is routed there and sends nothing."""


@dataclass(frozen=True)
class SharedPage:
    """A page in the local network: where it listens, and who may do what."""

    listening: socket.socket
    share: Share

    def tell(self) -> None:
        """Print the address, with its QR code on a terminal."""
        address = f"http://{self.share.host}/?token={self.share.token}"
        may = "shoot and judge" if self.share.control else "look, and change nothing"
        if sys.stderr.isatty():
            for line in qr_lines(address):
                click.echo(f"\x1b[30;47m{line}\x1b[0m", err=True)
        say(f"in this network, such as on a phone: {address}")
        say(
            f"who has that address can {may}; it is plain http, so others in the network can listen"
        )


@contextlib.contextmanager
def shared_on(port: int, *, control: bool) -> Iterator[SharedPage]:
    """Listen in the local network; ``control``: who has the address may use the buttons."""
    address = _network_address()
    with listening_on(port, address) as listening:
        yield SharedPage(listening, Share(new_token(), f"{address}:{port}", control))


def _network_address() -> str:
    """This computer's IPv4 address in the network with the default route."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            asked.connect(ELSEWHERE)
            return str(asked.getsockname()[0])
    except OSError as error:
        raise InputError(
            f"this computer is in no network ({error.strerror}); connect it, or drop --share"
        ) from error


def qr_lines(text: str) -> list[str]:
    """A QR code of some 200 characters as lines of text, two modules each; for black on white."""
    import cv2  # slow to import

    modules = np.asarray(cv2.QRCodeEncoder.create().encode(text)) < 128
    dark = np.pad(modules, QUIET_MODULES)
    if len(dark) % 2:
        dark = np.pad(dark, ((0, 1), (0, 0)))
    blocks = " \N{UPPER HALF BLOCK}\N{LOWER HALF BLOCK}\N{FULL BLOCK}"
    lines = []
    for above, below in zip(dark[::2], dark[1::2], strict=True):
        pairs = zip(above, below, strict=True)
        lines.append("".join(blocks[int(up) + 2 * int(down)] for up, down in pairs))
    return lines
