"""Colours that a style sheet gives to an element, by the cascade of CSS as far as ours need it."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

Rule = tuple[str, dict[str, str]]
"""A selector and its declarations."""

Colour = tuple[float, float, float]
"""Red, green and blue, 0 to 255."""

DARK = "@media (prefers-color-scheme: dark)"
_TOKEN = re.compile(r"[.#]?[\w-]+|\[[^\]]*\]|::?[\w-]+(?:\([^)]*\))?")


@dataclass(frozen=True)
class Element:
    """An element with what selectors name of it: ``button``, ``.small``, ``:hover`` and so on."""

    tokens: frozenset[str]
    parent: "Element | None" = None

    def inner(self, *tokens: str) -> "Element":
        """An element inside it."""
        return Element(frozenset(tokens), self)


@dataclass(frozen=True)
class Style:
    """The rules of a style sheet in one theme; of media queries it has that of the theme alone."""

    rules: tuple[Rule, ...]

    def colour(self, element: Element, name: str) -> Colour:
        """The ``color`` or ``background`` of an element, which one around it may give."""
        value = self._declared(element, name)
        if value is None or value in {"inherit", "none", "transparent"}:
            assert element.parent is not None, f"the page has no {name}"
            return self.colour(element.parent, name)
        return self._brighter(element, self._resolved(value))

    def contrast(self, element: Element) -> float:
        """Contrast of an element's text, 1 to 21 (WCAG 2)."""
        lights = sorted(
            _light(self.colour(element, one)) for one in ("color", "background")
        )
        return (lights[1] + 0.05) / (lights[0] + 0.05)

    def _declared(self, element: Element, name: str) -> str | None:
        strongest: tuple[tuple[int, int], int] | None = None
        value = None
        for order, (selector, declarations) in enumerate(self.rules):
            if name not in declarations or not _matches(selector, element):
                continue
            strength = _specificity(selector), order
            if strongest is None or strength >= strongest:
                strongest, value = strength, declarations[name]
        return value

    def _resolved(self, value: str) -> Colour:
        if value.startswith("var("):
            root = Element(frozenset({":root"}))
            inner = self._declared(root, value[4:-1])
            assert inner is not None, value
            return self._resolved(inner)
        digits = value.removeprefix("#")
        assert re.fullmatch(r"[0-9a-f]{6}|[0-9a-f]{3}", digits), (
            f"not a colour: {value}"
        )
        pairs = (
            [2 * one for one in digits]
            if len(digits) == 3
            else re.findall("..", digits)
        )
        red, green, blue = (float(int(pair, 16)) for pair in pairs)
        return red, green, blue

    def _brighter(self, element: Element, colour: Colour) -> Colour:
        """What ``filter: brightness(…)`` makes of a colour."""
        filtered = re.fullmatch(
            r"brightness\((.*)\)", self._declared(element, "filter") or ""
        )
        factor = float(filtered[1]) if filtered else 1.0
        red, green, blue = (min(255.0, factor * one) for one in colour)
        return red, green, blue


def read_style(text: str, *, dark: bool) -> Style:
    """The rules of a style sheet in the light or the dark theme."""
    rules = []
    for head, body in _blocks(re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)):
        if not head.startswith("@"):
            rules += _rules(head, body)
        elif head == DARK and dark:
            for inner_head, inner_body in _blocks(body):
                rules += _rules(inner_head, inner_body)
    return Style(tuple(rules))


def with_states(element: Element, *states: str) -> Iterator[Element]:
    """An element in every combination of states."""
    for count in range(len(states) + 1):
        for some in itertools.combinations(states, count):
            yield Element(element.tokens | set(some), element.parent)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Heads and bodies at the top level."""
    depth, start, head = 0, 0, ""
    for at, sign in enumerate(text):
        if sign == "{":
            if depth == 0:
                head, start = text[start:at].strip(), at + 1
            depth += 1
        elif sign == "}":
            depth -= 1
            if depth == 0:
                yield head, text[start:at]
                start = at + 1


def _rules(head: str, body: str) -> list[Rule]:
    declared = (one.partition(":") for one in body.split(";") if ":" in one)
    declarations = {name.strip(): value.strip() for name, _, value in declared}
    if "background" in declarations:  # a gradient or a picture is none of a button
        declarations["background"] = re.split(
            r"\s(?![^(]*\))", declarations["background"]
        )[0]
    return [
        (one, declarations)
        for selector in _alternatives(head)
        for one in _expanded(selector)
    ]


def _alternatives(selectors: str) -> list[str]:
    """The selectors between commas that are in no brackets."""
    return [one.strip() for one in re.split(r",(?![^(]*\))", selectors)]


def _expanded(selector: str) -> list[str]:
    """A selector without ``:is(…)``, once for each of its alternatives."""
    choice = re.search(r":is\(([^()]*)\)", selector)
    if choice is None:
        return [selector]
    before, after = selector[: choice.start()], selector[choice.end() :]
    return [
        whole
        for one in choice[1].split(",")
        for whole in _expanded(f"{before}{one.strip()}{after}")
    ]


def _matches(selector: str, element: Element) -> bool:
    if "::" in selector:
        return False
    compounds = [part for part in re.split(r"\s*>\s*|\s+", selector) if part]
    if not set(_TOKEN.findall(compounds[-1])) <= element.tokens:
        return False
    around = element.parent
    for compound in reversed(compounds[:-1]):
        wanted = set(_TOKEN.findall(compound))
        while around is not None and not wanted <= around.tokens:
            around = around.parent
        if around is None:
            return False
        around = around.parent
    return True


def _specificity(selector: str) -> tuple[int, int]:
    tokens = _TOKEN.findall(selector)
    names = [token for token in tokens if token[0].isalpha()]
    return len(tokens) - len(names), len(names)


def _light(colour: Colour) -> float:
    """Relative luminance, 0 to 1 (WCAG 2)."""
    shares = [one / 255 for one in colour]
    linear = [
        one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4
        for one in shares
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
