"""An RTSP server for tests: numbered frames as RTP/JPEG (RFC 2435), interleaved in TCP.

Each frame shows its number as eight bars, so that a test can tell how old a frame is."""

import hashlib
import re
import socketserver
import struct
import threading
import time
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, BITS = 320, 240, 8
REALM, NONCE = "camera", "f00dcafe"


def numbered_frame(number: int) -> NDArray[np.uint8]:
    """Eight bars, white for a set bit, on grey."""
    frame = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    for bit in range(BITS):
        frame[40:200, bit * 40 + 8 : bit * 40 + 32] = 255 if number >> bit & 1 else 0
    return frame


def frame_number(frame: NDArray[np.uint8]) -> int:
    """The number that a frame shows."""
    bars = [int(frame[120, bit * 40 + 20].mean() > 128) for bit in range(BITS)]
    return sum(bar << bit for bit, bar in enumerate(bars))


def jpeg_parts(frame: NDArray[np.uint8]) -> tuple[bytes, bytes]:
    """Quantisation tables and entropy-coded data of a frame's baseline JPEG."""
    ok, encoded = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert ok
    data, place, tables = encoded.tobytes(), 2, b""
    while True:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        segment = data[place + 4 : place + 2 + length]
        if marker == 0xDB:
            tables += b"".join(segment[i + 1 : i + 65] for i in range(0, len(segment), 65))
        place += 2 + length
        if marker == 0xDA:
            return tables, data[place : data.rindex(b"\xff\xd9")]


class RtspServer(socketserver.ThreadingTCPServer):
    """Serves ``rtsp://127.0.0.1:PORT/stream``; a context manager.

    Attributes:
        frozen: While set, connections stay open and no frame is sent.
        stuck: While set, one frame is sent again and again under one time stamp.
        dropped: While set, connections are closed and new ones refused.
        sent: When each frame was sent, by its number.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *, fps: float = 25.0, login: tuple[str, str] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.fps, self.login = fps, login
        self.frozen, self.stuck = threading.Event(), threading.Event()
        self.dropped = threading.Event()
        self.sent: dict[int, float] = {}
        self.requests: list[str] = []
        self.started = time.monotonic()
        self.frames = [jpeg_parts(numbered_frame(number)) for number in range(1 << BITS)]

    @property
    def uri(self) -> str:
        user = f"{self.login[0]}@" if self.login else ""
        return f"rtsp://{user}127.0.0.1:{self.server_address[1]}/stream"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.dropped.set()
        self.shutdown()
        self.server_close()

    def number(self) -> int:
        """The number of the frame that the camera sees now."""
        return int((time.monotonic() - self.started) * self.fps) % (1 << BITS)


class Handler(socketserver.StreamRequestHandler):
    server: RtspServer

    def handle(self) -> None:
        self.connection.settimeout(0.005)
        playing, received = False, b""
        sequence, last, stamp = 0, -1, 0
        try:
            while not self.server.dropped.is_set():
                try:
                    piece = self.connection.recv(4096)
                    if not piece:
                        return
                    received += piece
                except TimeoutError:
                    pass
                while b"\r\n\r\n" in received:
                    request, _, received = received.partition(b"\r\n\r\n")
                    if b"RTSP/1.0" in request:
                        playing = self.answer(request.decode("latin-1")) or playing
                number = self.server.number()
                if not playing or self.server.frozen.is_set() or number == last:
                    continue
                if not self.server.stuck.is_set():
                    stamp = int((time.monotonic() - self.server.started) * 90000) & 0xFFFFFFFF
                    shown = number
                last = number
                self.server.sent[shown] = time.monotonic()
                for packet in packets(*self.server.frames[shown], stamp):
                    header = struct.pack("!BBHII", 0x80, packet[0], sequence, stamp, 0x1234)
                    body = header + packet[1]
                    self.send(b"$\x00" + struct.pack("!H", len(body)) + body)
                    sequence = (sequence + 1) & 0xFFFF
        except (ConnectionError, TimeoutError):
            return

    def send(self, data: bytes) -> None:
        self.connection.settimeout(5.0)
        self.connection.sendall(data)
        self.connection.settimeout(0.005)

    def answer(self, request: str) -> bool:
        """Answer a request; whether it starts the play."""
        method = request.split(" ", 1)[0]
        self.server.requests.append(request)
        match = re.search(r"CSeq:\s*(\d+)", request)
        sequence = match[1] if match else "0"
        headers, body, status = "", "", "200 OK"
        if method != "OPTIONS" and self.server.login and not self.logged_in(method, request):
            status = "401 Unauthorized"
            headers = f'WWW-Authenticate: Digest realm="{REALM}", nonce="{NONCE}"\r\n'
        elif method == "OPTIONS":
            headers = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        elif method == "DESCRIBE":
            body = (
                "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=test\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                f"a=control:*\r\nm=video 0 RTP/AVP 26\r\na=framerate:{self.server.fps}\r\n"
                "a=control:track0\r\n"
            )
            base = f"rtsp://127.0.0.1:{self.server.server_address[1]}/stream/"
            headers = f"Content-Base: {base}\r\nContent-Type: application/sdp\r\n"
        elif method == "SETUP":
            headers = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
        else:
            headers = "Session: 1\r\n"
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        self.send(f"RTSP/1.0 {status}\r\nCSeq: {sequence}\r\n{headers}{length}\r\n{body}".encode())
        return method == "PLAY" and status.startswith("200")

    def logged_in(self, method: str, request: str) -> bool:
        assert self.server.login
        fields: dict[str, Any] = dict(re.findall(r'(\w+)="([^"]*)"', request))
        first = md5(f"{self.server.login[0]}:{REALM}:{self.server.login[1]}")
        second = md5(f"{method}:{fields.get('uri', '')}")
        return bool(fields.get("response") == md5(f"{first}:{NONCE}:{second}"))


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def packets(tables: bytes, scan: bytes, _stamp: int) -> list[tuple[int, bytes]]:
    """RTP payloads of a frame, each with its marker bit and payload type."""
    parts, offset = [], 0
    while offset < len(scan):
        head = struct.pack("!I", offset) + bytes([1, 255, WIDTH // 8, HEIGHT // 8])
        if offset == 0:
            head += struct.pack("!BBH", 0, 0, len(tables)) + tables
        piece = scan[offset : offset + 1200]
        offset += len(piece)
        parts.append((26 | (0x80 if offset >= len(scan) else 0), head + piece))
    return parts
