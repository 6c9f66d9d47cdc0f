"""Buttons of the served pages can be read in every state and theme."""

from pathlib import Path

import pytest

from defocus.extras import pages
from defocus.reports.environment import viewer_style_and_script
from tests.css_colours import Element, read_style, with_states

BODY = Element(frozenset({"body"}))
CARD = BODY.inner("section", ".card")
BAR = BODY.inner("div", ".buttons")
DIALOG = BODY.inner("dialog")
PRESSED, DISABLED, CURRENT = (
    '[aria-pressed="true"]',
    '[aria-disabled="true"]',
    '[aria-current="true"]',
)
BUTTONS = {
    "action": (BAR.inner("button"), (DISABLED,)),
    "main action": (BAR.inner("button", ".main"), (DISABLED,)),
    "small": (CARD.inner("button", ".small"), (PRESSED, DISABLED)),
    "of a dialogue": (
        DIALOG.inner("div", ".dialog-buttons").inner("button"),
        (DISABLED,),
    ),
    "main of a dialogue": (
        DIALOG.inner("div", ".dialog-buttons").inner("button", ".main"),
        (DISABLED,),
    ),
    "reason": (DIALOG.inner("ol", ".reasons").inner("li").inner("button"), ()),
    "pair": (
        CARD.inner("ol", ".sheet").inner("li").inner("button", ".thumb"),
        (CURRENT,),
    ),
    "magnifier": (CARD.inner("button", ".magnifier"), ()),
    "tool of the viewer": (CARD.inner("div", ".tools").inner("button"), (PRESSED,)),
    "start": (BODY.inner("section", ".start").inner("button", ".main"), ()),
    "picture": (BODY.inner("nav", ".strip").inner("li").inner("button"), (CURRENT,)),
    "close": (BODY.inner("div", ".banner").inner("button", ".small"), ()),
}
INSIDE = {"magnifier": ("span", ".close"), "picture": ("span", ".state")}
"""Text of a button that has a colour of its own."""


def style_text() -> str:
    folder = Path(str(pages.__file__)).parent
    viewer, _ = viewer_style_and_script()
    names = ("serving/static/page.css", "restore/static/restore.css")
    return viewer + "".join(
        (folder / name).read_text(encoding="utf-8") for name in names
    )


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", BUTTONS)
def test_a_button_can_be_read_in_every_state(name, dark):
    style = read_style(style_text(), dark=dark)
    plain, states = BUTTONS[name]
    for button in with_states(plain, ":hover", ":focus-visible", *states):
        assert style.contrast(button) >= 4.5, sorted(button.tokens)
        if name in INSIDE:
            assert style.contrast(button.inner(*INSIDE[name])) >= 4.5
