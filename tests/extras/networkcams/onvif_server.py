"""A mock ONVIF camera: SOAP with UsernameToken digests, snapshots with HTTP digest, MJPEG.

It sees a flat texture through a lens: focus and iris blur it, iris, time and gain make it brighter,
and each picture has new noise. What it does wrong is switched on by :class:`Faults`.
"""

import base64
import hashlib
import re
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import cv2
import numpy as np
from lxml import etree

from tests.extras.networkcams.onvif_faults import Faults, Lens

SOAP = "http://www.w3.org/2003/05/soap-envelope"
TT = "http://www.onvif.org/ver10/schema"
NAMESPACES = {
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "timg": "http://www.onvif.org/ver20/imaging/wsdl",
    "ter": "http://www.onvif.org/ver10/error",
}
USER, PASSWORD = "admin", "se:c/ret@1"
REALM, NONCE = "camera", "0badcafe"
SHARPEST = 0.62
WIDTH, HEIGHT = 320, 240


class OnvifServer(ThreadingHTTPServer):
    """A camera on the loopback; a context manager."""

    daemon_threads = True

    def __init__(self, faults: Faults | None = None, *, skew_seconds: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults, self.lens = faults or Faults(), Lens()
        self.skew = timedelta(seconds=skew_seconds)
        self.calls: list[str] = []
        self.nonces: set[str] = set()
        self.random = np.random.default_rng(0)
        coarse = self.random.integers(40, 216, (HEIGHT // 2, WIDTH // 2)).astype(np.float32)
        self.texture = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
        self.snapshots = 0
        self.kept = b""

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def base(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def uri(self) -> str:
        return f"onvif://{USER}@{self.base}?f_number=1.4"

    def focus_now(self) -> float:
        lens = self.lens
        moved = lens.speed * (time.monotonic() - lens.since) if lens.speed else 0.0
        return min(max(lens.focus + moved, 0.0), 1.0)

    def picture(self) -> bytes:
        imaging = self.lens.imaging
        blur = 0.3 + 12.0 * abs(self.focus_now() - SHARPEST) / 10 ** (imaging["Exposure.Iris"] / 40)
        seen = cv2.GaussianBlur((self.texture / 255.0) ** 2.2, (0, 0), blur)
        stops = np.log2(imaging["Exposure.ExposureTime"] / 10000.0)
        stops += (imaging["Exposure.Gain"] - imaging["Exposure.Iris"]) / 6.0206
        encoded = 255.0 * (seen * 2.0**stops) ** (1 / 2.2)
        noisy = encoded + self.random.normal(0, 1.5, seen.shape)
        ok, content = cv2.imencode(".jpg", np.clip(noisy, 0, 255).astype(np.uint8))
        assert ok
        return bytes(content)

    def snapshot(self) -> bytes:
        if self.snapshots % self.faults.stale_snapshots == 0 or not self.kept:
            self.kept = self.picture()
        self.snapshots += 1
        return self.kept


class Handler(BaseHTTPRequestHandler):
    server: OnvifServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: object) -> None:
        """Silence."""

    def do_GET(self) -> None:
        faults = self.server.faults
        if faults.redirect:
            return self.reply(302, b"", Location=faults.redirect)
        if not self.digest_holds():
            challenge = f'Digest realm="{REALM}", qop="auth", nonce="{NONCE}", algorithm=MD5'
            return self.reply(401, b"", **{"WWW-Authenticate": challenge})
        if self.path.startswith("/mjpeg"):
            return self.stream()
        return self.reply(200, faults.snapshot or self.server.snapshot(), "image/jpeg")

    def stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=--frame")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            while True:
                content = self.server.picture()
                head = (
                    f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(content)}\r\n\r\n"
                )
                self.wfile.write(head.encode() + content + b"\r\n")
                time.sleep(0.05)
        except ConnectionError:
            return

    def digest_holds(self) -> bool:
        fields = dict(re.findall(r'(\w+)="?([^",]*)"?', self.headers.get("Authorization") or ""))
        first = md5(f"{USER}:{REALM}:{PASSWORD}")
        second = md5(f"{self.command}:{fields.get('uri')}")
        middle = ":".join(str(fields.get(name)) for name in ("nonce", "nc", "cnonce", "qop"))
        return fields.get("response") == md5(f"{first}:{middle}:{second}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        faults = self.server.faults
        if faults.redirect:
            return self.reply(307, b"", Location=faults.redirect)
        if faults.endless:
            return self.endless()
        if faults.reply:
            return self.reply(200, faults.reply, "application/soap+xml")
        envelope = etree.fromstring(body)
        call = envelope.find(f"{{{SOAP}}}Body")[0]
        name = etree.QName(call).localname
        self.server.calls.append(name)
        if name != "GetSystemDateAndTime" and not self.token_holds(envelope):
            return self.fault("ter:NotAuthorized", "Sender not Authorized")
        answer = getattr(self, name, None)
        if answer is None:
            return self.fault("ter:ActionNotSupported", f"no {name}")
        content = answer(call)
        if content is not None:
            self.envelope(content)
        return None

    def endless(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/soap+xml")
        self.end_headers()
        self.close_connection = True
        try:
            while True:
                self.wfile.write(b" " * 65536)
        except ConnectionError:
            return

    def token_holds(self, envelope: Any) -> bool:
        values = {etree.QName(e).localname: e.text for e in envelope.iter() if e.text}
        if values.get("Username") != USER or values["Nonce"] in self.server.nonces:
            return False
        self.server.nonces.add(values["Nonce"])
        created = datetime.fromisoformat(values["Created"])
        own = datetime.now(UTC) + self.server.skew
        if abs((created - own).total_seconds()) > 10:
            return False
        nonce = base64.b64decode(values["Nonce"])
        digest = hashlib.sha1(nonce + values["Created"].encode() + PASSWORD.encode())  # noqa: S324 - the standard's
        return bool(values["Password"] == base64.b64encode(digest.digest()).decode())

    def envelope(self, content: str, status: int = 200) -> None:
        names = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
        body = (
            f'<?xml version="1.0"?><s:Envelope xmlns:s="{SOAP}" xmlns:tt="{TT}"{names}>'
            f"<s:Body>{content}</s:Body></s:Envelope>"
        )
        self.reply(status, body.encode(), "application/soap+xml")

    def fault(self, code: str, reason: str) -> None:
        self.envelope(
            "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>"
            f"{code}</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang='en'>{reason}"
            "</s:Text></s:Reason></s:Fault>",
            400,
        )

    def reply(self, status: int, body: bytes, kind: str = "text/plain", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def GetSystemDateAndTime(self, _call: Any) -> str:
        now = datetime.now(UTC) + self.server.skew
        return (
            "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>Manual"
            "</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings><tt:UTCDateTime>"
            f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute>"
            f"<tt:Second>{now.second}</tt:Second></tt:Time><tt:Date><tt:Year>{now.year}</tt:Year>"
            f"<tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day></tt:Date>"
            "</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
        )

    def GetServices(self, _call: Any) -> str:
        base = self.server.faults.service_host or self.server.base
        services = "".join(
            f"<tds:Service><tds:Namespace>{NAMESPACES[name]}</tds:Namespace>"
            f"<tds:XAddr>http://{base}/onvif/{name}</tds:XAddr><tds:Version><tt:Major>2</tt:Major>"
            "<tt:Minor>0</tt:Minor></tds:Version></tds:Service>"
            for name in ("tds", "trt", "timg")
            if name != "timg" or not self.server.faults.no_imaging
        )
        return f"<tds:GetServicesResponse>{services}</tds:GetServicesResponse>"

    def GetDeviceInformation(self, _call: Any) -> str:
        return (
            "<tds:GetDeviceInformationResponse><tds:Manufacturer>Mock</tds:Manufacturer>"
            f"<tds:Model>{self.server.faults.model}</tds:Model><tds:FirmwareVersion>1</tds:FirmwareVersion>"
            "<tds:SerialNumber>0815</tds:SerialNumber><tds:HardwareId>1</tds:HardwareId>"
            "</tds:GetDeviceInformationResponse>"
        )

    def GetProfiles(self, _call: Any) -> str:
        return (
            '<trt:GetProfilesResponse><trt:Profiles token="main" fixed="true"><tt:Name>main'
            '</tt:Name><tt:VideoSourceConfiguration token="vsc"><tt:Name>v</tt:Name>'
            "<tt:UseCount>1</tt:UseCount><tt:SourceToken>source-1</tt:SourceToken>"
            f'<tt:Bounds x="0" y="0" width="{WIDTH}" height="{HEIGHT}"/>'
            "</tt:VideoSourceConfiguration></trt:Profiles></trt:GetProfilesResponse>"
        )

    def GetSnapshotUri(self, _call: Any) -> str | None:
        if self.server.faults.no_snapshot:
            self.fault("ter:ActionNotSupported", "no snapshots")
            return None
        # An address that only the camera's own network knows, as behind a router.
        uri = f"http://10.99.99.99:{self.server.server_address[1]}/snapshot?channel=1"
        return self._media_uri("GetSnapshotUri", uri)

    def GetStreamUri(self, _call: Any) -> str:
        return self._media_uri("GetStreamUri", self.server.faults.stream)

    def _media_uri(self, name: str, uri: str) -> str:
        return (
            f"<trt:{name}Response><trt:MediaUri><tt:Uri>{uri}</tt:Uri><tt:InvalidAfterConnect>false"
            "</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>"
            f"<tt:Timeout>PT60S</tt:Timeout></trt:MediaUri></trt:{name}Response>"
        )

    def GetOptions(self, _call: Any) -> str:
        def span(name: str, low: float, high: float) -> str:
            return f"<tt:{name}><tt:Min>{low}</tt:Min><tt:Max>{high}</tt:Max></tt:{name}>"

        def modes(name: str, *values: str) -> str:
            return "".join(f"<tt:{name}>{value}</tt:{name}>" for value in values)

        exposure = modes("Mode", "AUTO", "MANUAL") + span("ExposureTime", 125, 250000)
        exposure += span("Gain", 0, 36) + span("Iris", 0, 24)
        white = modes("Mode", "AUTO", "MANUAL") + span("YrGain", 0, 4) + span("YbGain", 0, 4)
        return (
            "<timg:GetOptionsResponse><timg:ImagingOptions>"
            f"<tt:Exposure>{exposure}</tt:Exposure>"
            f"<tt:Focus>{modes('AutoFocusModes', 'AUTO', 'MANUAL')}</tt:Focus>"
            f"{modes('IrCutFilterModes', 'ON', 'OFF', 'AUTO')}"
            f"<tt:WideDynamicRange>{modes('Mode', 'ON', 'OFF')}</tt:WideDynamicRange>"
            f"<tt:WhiteBalance>{white}</tt:WhiteBalance>"
            "</timg:ImagingOptions></timg:GetOptionsResponse>"
        )

    def GetMoveOptions(self, _call: Any) -> str:
        kinds = {"Absolute": ("Position", 0, 1), "Relative": ("Distance", -1, 1),
                 "Continuous": ("Speed", -0.25, 0.25)}  # fmt: skip
        listed = "".join(
            f"<tt:{kind}><tt:{what}><tt:Min>{low}</tt:Min><tt:Max>{high}</tt:Max></tt:{what}>"
            f"</tt:{kind}>"
            for kind, (what, low, high) in kinds.items()
            if kind in self.server.faults.offers
        )
        return (
            f"<timg:GetMoveOptionsResponse><timg:MoveOptions>{listed}</timg:MoveOptions>"
            "</timg:GetMoveOptionsResponse>"
        )

    def GetImagingSettings(self, _call: Any) -> str:
        tree: dict[str, Any] = {}
        for path, value in self.server.lens.imaging.items():
            names = path.split(".")
            inner = tree.setdefault(names[0], {}) if len(names) == 2 else tree
            inner[names[-1]] = value
        order = ("Exposure", "Focus", "IrCutFilter", "WideDynamicRange", "WhiteBalance")
        inside = ""
        for name in order:
            value = tree[name]
            if isinstance(value, dict):
                value = "".join(f"<tt:{key}>{v}</tt:{key}>" for key, v in value.items())
            inside += f"<tt:{name}>{value}</tt:{name}>"
        return (
            f"<timg:GetImagingSettingsResponse><timg:ImagingSettings>{inside}"
            "</timg:ImagingSettings></timg:GetImagingSettingsResponse>"
        )

    def SetImagingSettings(self, call: Any) -> str:
        given = call.find(f"{{{NAMESPACES['timg']}}}ImagingSettings")
        for element in given:
            name = etree.QName(element).localname
            for inner in element:
                self._store(f"{name}.{etree.QName(inner).localname}", inner.text)
            if len(element) == 0:
                self._store(name, element.text)
        return "<timg:SetImagingSettingsResponse/>"

    def _store(self, path: str, text: str) -> None:
        imaging = self.server.lens.imaging
        assert path in imaging, path
        imaging[path] = float(text) if isinstance(imaging[path], float) else text

    def GetStatus(self, _call: Any) -> str:
        position = 0.5 if "Absolute" in self.server.faults.ignores else self.server.focus_now()
        return (
            "<timg:GetStatusResponse><timg:Status><tt:FocusStatus20>"
            f"<tt:Position>{position}</tt:Position><tt:MoveStatus>IDLE</tt:MoveStatus>"
            "</tt:FocusStatus20></timg:Status></timg:GetStatusResponse>"
        )

    def Move(self, call: Any) -> str:
        focus = call.find(f"{{{NAMESPACES['timg']}}}Focus")[0]
        kind, number = etree.QName(focus).localname, float(focus[0].text)
        self.server.calls[-1] = f"Move{kind}"
        lens = self.server.lens
        if kind not in self.server.faults.ignores:
            if kind == "Continuous":
                lens.speed, lens.since = number, time.monotonic()
            else:
                target = number if kind == "Absolute" else lens.focus + number
                lens.focus = min(max(target, 0.0), 1.0)
        return "<timg:MoveResponse/>"

    def Stop(self, _call: Any) -> str:
        self.server.lens.focus, self.server.lens.speed = self.server.focus_now(), 0.0
        return "<timg:StopResponse/>"


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
