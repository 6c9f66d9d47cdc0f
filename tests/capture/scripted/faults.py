"""What must come of each fault: right pairs, or an error whose words match."""

import re

from tests.capture.scripted.armed import FOR_EVER
from tests.capture.scripted.body import TIME_WORDS, ScriptedBody

PAIRS = "pairs"

EXPECTED: dict[str, str] = {
    # no picture, some times
    "busy-release": PAIRS, "out-of-focus": PAIRS, "nothing-captured": PAIRS,
    "io-at-second-capture": PAIRS, "capture-refused": PAIRS, "every-second-capture": PAIRS,
    "second-trigger-busy": PAIRS, "capture-timeout": PAIRS, "too-early": PAIRS,
    "first-capture-fails": PAIRS, "capture-dies": PAIRS, "invalid-status": PAIRS,
    "store-full": PAIRS, "ram-full": PAIRS, "no-object": PAIRS, "queue-not-drained": PAIRS,
    # no picture as it is set
    "bulb-needs-bulb": PAIRS, "local-control": PAIRS,
    # no picture, ever
    "mirror-lockup": "mirror lock-up is on", "no-capture": "opened again in vain",
    "card-full": "the card is full", "on-before-computer": "switch the camera off and on",
    "listing-only": "cannot do that", "wrong-usb-mode": "PC Remote",
    # an error, but a picture
    "silent-mode": PAIRS, "untold": PAIRS, "long-exposure": PAIRS,
    # settings
    "stale-readback": PAIRS, "readback-never-follows": PAIRS,
    "set-ignored": "kept aperture .* although .* EXIF says",
    "list-is-not-the-lens": "kept aperture .* although .* EXIF says",
    "some-stops-cannot-be-set": "kept aperture .* although .* EXIF says",
    "set-while-busy": PAIRS, "busy-or-read-only-write": PAIRS, "lands-on-neighbour": PAIRS,
    "setting-does-not-stick": PAIRS, "shutter-steps": PAIRS, "set-same-toggles": PAIRS,
    "read-only-after-connect": PAIRS, "first-read-wrong": PAIRS, "bulb-as-number": PAIRS,
    "iso-read-only": "iso is .* and follows the camera's dial",
    "choices-shrink": "the camera has no (aperture|shutter)",
    "duplicate-choices": "the camera has no aperture .* it has f/35",
    "set-becomes-auto": "set the ISO on the body",
    "config-partly-missing": "has none: set its dial to M",
    "tree-of-nine-entries": "cannot be set, .* set the dial",
    "config-vanishes": PAIRS, "tree-truncated": "turn it off and on", "burst-mode": PAIRS,
    "target-flips": PAIRS, "target-forgotten": PAIRS, "nothing-on-card": PAIRS,
    "ram-default": PAIRS, "autofocus-off-ignored": PAIRS, "no-autofocus-on-capture": PAIRS,
    # files and events
    "words-lie": "words for formats are wrong", "duplicate-names": PAIRS, "late-companion": PAIRS,
    "unnamed-events": PAIRS, "stuck-at-end": PAIRS, "no-complete": PAIRS,
    "event-access-denied": PAIRS, "lamp-blinks-until-all-fetched": PAIRS,
    # the card
    "card-not-readable": PAIRS, "no-card-capture": PAIRS, "two-slots": PAIRS,
    "hangs-at-delete": PAIRS,
    # time
    "card-listing": PAIRS, "first-capture-lists-card": PAIRS, "between-shots": PAIRS,
    "long-after-capture": PAIRS, "slow-end": PAIRS, "release-blocks": PAIRS, "wait-blocks": PAIRS,
    "listing-rate": PAIRS,
}  # fmt: skip

MOTOR: dict[str, str] = {
    "focus-drive-needs-live-view": PAIRS, "focus-drive-repeat-ignored": PAIRS,
    "focus-drive-limit": PAIRS, "focus-drive-too-small": PAIRS, "focus-drive-needs-mf": PAIRS,
    "focus-drive-mode": "the focus did not move.* set the camera to manual focus",
    "focus-mode-settle": PAIRS,
}  # fmt: skip
"""The same of faults that only a focus bracket meets."""

PREVIEW: dict[str, str] = {
    "preview-not-ready": PAIRS, "preview-busy": PAIRS, "preview-needs-card": PAIRS,
    "busy-after-preview": "switch the camera off and on", "capture-after-preview": PAIRS,
}  # fmt: skip
"""The same of faults that only a live view meets."""

AVOIDED = (
    "focus-drive-needs-live-view", "focus-drive-repeat-ignored", "focus-drive-needs-mf",
    "queue-not-drained", "set-same-toggles", "burst-mode", "bulb-needs-bulb", "local-control",
    "no-autofocus-on-capture", "lamp-blinks-until-all-fetched",
)  # fmt: skip
"""Faults that do not happen to whoever sets the body and drains its events as we do."""

ONCE = (
    "io-at-second-capture", "every-second-capture", "first-capture-fails", "capture-dies",
    "capture-timeout", "lands-on-neighbour", "setting-does-not-stick", "late-companion",
    "first-capture-lists-card", "untold", "config-vanishes",
)  # fmt: skip
TWICE = (
    "busy-release", "out-of-focus", "nothing-captured", "capture-refused", "second-trigger-busy",
    "too-early", "invalid-status", "store-full", "ram-full", "no-object", "set-while-busy",
    "busy-or-read-only-write", "event-access-denied", "preview-not-ready", "preview-busy",
)  # fmt: skip

FIXED_BURST = "each release takes several pictures; set its dial to single pictures"
"""What is said where the drive mode cannot be set."""

OLD_FILES = 300
"""On the card of a body that lists slowly."""


def begin(body: ScriptedBody, fault: str) -> str:
    """Arm a fault, the body's dial where it happens; what is expected of this body."""
    expected = {**EXPECTED, **MOTOR, **PREVIEW}[fault]
    body.arm(fault, times_of(fault))
    named = body.script.faults[fault]
    if fault == "tree-truncated" and named.seconds:
        return PAIRS  # the entries come back by themselves
    if named.names == ("capturetarget",):
        return PAIRS  # where the pictures go changes none of them
    if fault == "listing-rate":
        body.fill_card(OLD_FILES)
    if fault == "bulb-needs-bulb":
        dial = {word: "Bulb" for word in TIME_WORDS if word in body.true}
        body.true.update(dial)
        body.shown.update(dial)
    if fault != "burst-mode":
        return expected
    drive = body.script.entries["capturemode"]
    body.put(
        drive.name, next(one for one in drive.choices if re.search("Burst|Contin", one))
    )
    return FIXED_BURST if drive.read_only else expected


def end(body: ScriptedBody, fault: str) -> None:
    """Let a fault be over: the body is as it should be, or was switched off and on."""
    body.arm(fault, 0)
    if fault == "burst-mode":
        body.put("capturemode", "Single Shot")


def times_of(fault: str) -> int:
    """How often a fault happens before it is over."""
    return 1 if fault in ONCE else 2 if fault in TWICE else FOR_EVER


def spare_of(fault: str) -> int:
    """Pictures that are rightly taken in vain: a file of them came too late, or it was wrong."""
    return (
        1
        if fault in ("late-companion", "lands-on-neighbour", "setting-does-not-stick")
        else 0
    )


def played_rightly(body: ScriptedBody, fault: str) -> bool:
    """Whether a fault changed what the body did, to its end, or was avoided as it should be."""
    over = times_of(fault) == FOR_EVER or not body.armed.left_of(fault)
    return over and (fault in body.armed.played) != (fault in AVOIDED)
