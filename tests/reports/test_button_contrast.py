"""Buttons of a report can be read in every state and theme."""

from pathlib import Path

import pytest

from defocus.reports import html
from defocus.reports.environment import viewer_style_and_script
from tests.css_colours import Element, read_style, with_states

BODY = Element(frozenset({"body"}))
BUTTONS = {
    "head of a column": (
        BODY.inner("table").inner("thead").inner("tr").inner("th"),
        (),
    ),
    "filter": (BODY.inner("form", ".filters"), ()),
    "tab": (BODY.inner("div", ".tablist"), ('[aria-selected="true"]',)),
    "set of columns": (BODY.inner("div", ".sets"), ('[aria-pressed="true"]',)),
    "tool of the viewer": (BODY.inner("div", ".tools"), ('[aria-pressed="true"]',)),
}


def style_text() -> str:
    viewer, _ = viewer_style_and_script()
    return viewer + (Path(html.FOLDER) / "static" / "report.css").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", BUTTONS)
def test_a_button_can_be_read_in_every_state(name, dark):
    style = read_style(style_text(), dark=dark)
    around, states = BUTTONS[name]
    for button in with_states(
        around.inner("button"), ":hover", ":focus-visible", *states
    ):
        assert style.contrast(button) >= 4.5, sorted(button.tokens)


@pytest.mark.parametrize("dark", [False, True])
def test_the_button_of_all_rows_can_be_read_in_every_state(dark):
    style = read_style(style_text(), dark=dark)
    for button in with_states(BODY.inner("button", ".all-rows"), ":hover"):
        assert style.contrast(button) >= 4.5


def test_the_cascade_is_that_of_css():
    """What comes later wins, and what is more specific wins over that."""
    text = """
    :root { --ink: #000000; } /* black */
    @media (prefers-color-scheme: dark) { :root { --ink: #ffffff; } }
    body { color: var(--ink); background: #ffffff; }
    button { background: #fff; }
    :is(.a, .b) button:hover { background: #000 linear-gradient(red, blue); }
    .a button { background: #777777; }
    button[aria-disabled="true"] { filter: brightness(2); }
    @media print { button { background: #000000; } }
    """
    light, dark = (read_style(text, dark=one) for one in (False, True))
    plain = BODY.inner("button")
    assert light.contrast(plain) == pytest.approx(21)
    assert dark.contrast(plain) == pytest.approx(1)
    inside = BODY.inner("div", ".a").inner("button")
    assert light.contrast(inside) == pytest.approx(4.69, abs=0.01)
    assert light.contrast(
        BODY.inner("div", ".a").inner("button", ":hover")
    ) == pytest.approx(1)
    disabled = BODY.inner("div", ".a").inner("button", '[aria-disabled="true"]')
    assert light.colour(disabled, "background") == (238.0, 238.0, 238.0)
