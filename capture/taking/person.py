"""The user at the camera, who sets up scenes, holds the grey card and decides about retakes."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import click

from defocus.capture.planning.plan import Plan, lines_of
from defocus.capture.planning.scene_list import ListedScene
from defocus.capture.planning.shoot_settings import ShootOptions
from defocus.capture.quality.verdict import Quality
from defocus.capture.sessions.state import PlannedPair
from defocus.errors import DefocusError, InputError
from defocus.progress import counted, say, status


def is_taken_again(
    pair: PlannedPair, quality: Quality, attempt: int, retries: int
) -> bool:
    """Whether ``--retake auto`` shoots a pair again: tries are left, and the next may differ."""
    if attempt <= retries and quality.lasting:
        say(
            f"{pair.id}  not shot again, another shot would show the same; change it first"
        )
    return attempt <= retries and not quality.lasting


Ask = Callable[[str], None]
"""Function that tells a person what to do, and returns when it is done."""


class Person:
    """The person at the camera; ``ask`` may raise ``KeyboardInterrupt``."""

    def __init__(self, options: ShootOptions, ask: Ask, carded: dict[str, str]) -> None:
        """Take the scenes that already had their grey card, each with its first pair."""
        self._options = options
        self._ask = ask
        self._carded = carded

    def scene_ready(self, pair: PlannedPair, note: str) -> None:
        """Return when the scene of the pair is set up, here at once; ``note`` describes it."""

    def card_held(self, pair: PlannedPair) -> bool:
        """Ask for a grey card, if requested, at each try of a scene's first pair."""
        if (
            not self._options.grey_card
            or self._carded.setdefault(pair.scene, pair.id) != pair.id
        ):
            return False
        self._ask(
            f"hold the grey card into scene '{pair.typed_scene}', so that it fills the centre"
        )
        return True

    def card_gone(self, pair: PlannedPair) -> None:
        """Ask to take the card away."""
        self._ask(f"take the grey card out of scene '{pair.typed_scene}'")

    @property
    def may_retake(self) -> bool:
        """Whether a rejected pair is ever shot again; then a scene waits for its verdicts."""
        return self._options.retake == "auto"

    def retake(self, pair: PlannedPair, quality: Quality, attempt: int) -> bool:
        """Whether to shoot a pair again that was rejected at try number ``attempt``, from 1."""
        return self.may_retake and is_taken_again(
            pair, quality, attempt, self._options.retries
        )


NOBODY = Person(ShootOptions(retake="never"), lambda _: None, {})


class Asker(Person):
    """Asks the user at the terminal, or skips all questions as with ``--yes``."""

    def __init__(self, options: ShootOptions, *, answered: bool) -> None:
        super().__init__(options, self._wait, {})
        self.answered = answered
        self._scene: str | None = None

    def require_person(self) -> None:
        """Refuse to continue if a question is needed and there is no terminal."""
        if not self.answered and not sys.stdin.isatty():
            raise InputError("no terminal to confirm the plan; add --yes")

    def confirm(
        self, plans: Sequence[tuple[Plan, int]], scenes: Sequence[ListedScene] = ()
    ) -> None:
        """Show the plan of each wide aperture and ask whether to continue."""
        self.require_person()
        for line in lines_of(plans, scenes):
            say(line)
        if not self.answered:
            pairs = sum(count for _, count in plans)
            if not click.confirm(f"shoot {counted(pairs, 'pair')}?", err=True):
                raise DefocusError("nothing was shot")

    def scene_ready(self, pair: PlannedPair, note: str) -> None:
        """Wait before the first pair of a further scene, say its note, then count down."""
        asks = self._scene is not None and not self.answered
        if pair.scene != self._scene and asks:
            self._wait(
                f"set up scene '{pair.typed_scene}'{f' ({note})' if note else ''}"
            )
        elif pair.scene != self._scene and note:
            say(f"scene '{pair.typed_scene}': {note}")
        self._scene = pair.scene
        for left in range(self._options.countdown_seconds, 0, -1):
            say(f"{pair.id}  in {left} s")
            time.sleep(1.0)

    @property
    def may_retake(self) -> bool:
        """Whether a retake is possible at all."""
        return super().may_retake or (
            self._options.retake == "ask" and not self.answered
        )

    def retake(self, pair: PlannedPair, quality: Quality, attempt: int) -> bool:
        """Decide on a retake: automatically where it may help, by a question, or never."""
        ring("reject")
        if self._options.retake == "auto":
            again = is_taken_again(pair, quality, attempt, self._options.retries)
        elif self.may_retake:
            status("")
            question = f"{pair.id}: {quality.reason}; shoot it again?"
            again = click.confirm(question, default=True, err=True)
        else:
            again = False
        if again:
            say(f"{pair.id}  rejected, shot again: {quality.reason}")
        return again

    def _wait(self, what: str) -> None:
        if not self.answered:
            ring("action")
            status("")
            click.prompt(
                f"{what}, then press Enter", default="", show_default=False, err=True
            )


@dataclass
class BellSettings:
    """Whether the bell of the terminal rings, set once by the command line."""

    on: bool = True


bell = BellSettings()


def ring(what: Literal["done", "warn", "action", "reject"]) -> None:
    """Ring the bell of the terminal, more often the more it matters."""
    times = {"done": 1, "warn": 1, "action": 2, "reject": 3}[what]
    if bell.on and sys.stderr.isatty():
        click.echo("\a" * times, nl=False, err=True)
