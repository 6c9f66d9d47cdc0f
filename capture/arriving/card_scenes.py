"""Which scene each pair of a card shows: by how it looks, by pauses, or by a list of names."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from defocus.capture.arriving.hot_folder import decoded
from defocus.capture.arriving.pairing import CardPair
from defocus.capture.planning.scene_list import ListedScene, scene_slug
from defocus.capture.sessions.state import SessionState, file_path
from defocus.errors import ImageError, InputError
from defocus.likeness import Fingerprint, fingerprint, one_picture


def look_at(path: Path) -> Fingerprint:
    """The look of a picture, by which scenes are recognised."""
    return fingerprint(decoded(path))


@dataclass
class CardScenes:
    """Names a scene for each pair of a card; a pause of ``gap_seconds`` begins a new one."""

    root: Path
    title: str | None = None  # one name for all pairs; None names each scene
    listed: Sequence[ListedScene] = ()
    gap_seconds: float | None = None
    _shown: list[tuple[Fingerprint, str]] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)
    _last: tuple[str, float] | None = None

    def know(self, state: SessionState) -> None:
        """Learn the scenes that the session has already."""
        self._taken = {pair.scene for pair in state.planned.values()}
        if self.title is not None or self.gap_seconds is not None:
            return
        seen = set()
        for pair in state.complete.values():
            if pair.scene in seen:
                continue
            try:
                look = look_at(file_path(self.root, pair.id, pair.sharp))
            except ImageError:
                continue  # the check of the session names it
            seen.add(pair.scene)
            title = state.planned[pair.id].typed_scene
            self._shown.append((look, title))

    def title_of(self, card_pair: CardPair) -> str:
        """Name of the scene of the next pair, as a person reads it."""
        if self.title is not None:
            return self.title
        by = self._by_look if self.gap_seconds is None else self._by_pause
        scene = by(card_pair)
        title = scene or self._new_title()
        self.remember(card_pair, title)
        return title

    def remember(self, card_pair: CardPair, title: str) -> None:
        """Remember to which scene a pair belongs."""
        self._taken.add(scene_slug(title))
        self._last = title, card_pair.shots[-1].seconds
        if card_pair.sharp.look is not None:
            self._shown.append((card_pair.sharp.look, title))

    def require_names(self, pairs: Sequence[CardPair]) -> None:
        """Check that the list has a name for every scene, before one is given."""
        if not self.listed:
            return
        trial = CardScenes(self.root, self.title, self.listed, self.gap_seconds)
        trial._shown, trial._taken = list(self._shown), set(self._taken)
        first: dict[str, str] = {}
        for pair in pairs:
            first.setdefault(trial.title_of(pair), pair.shots[0].name)
        names = {scene.title for scene in self.listed}
        for title, picture in first.items():
            if title not in names:
                raise InputError(
                    f"the list has {len(self.listed)} scenes and the pictures show "
                    f"{len(first)}: from {picture} on no name is left; add the missing scenes to "
                    "the list, or say with --scene-gap which pause begins a scene"
                )

    def unused(self) -> list[str]:
        """Names of the list that no pair has."""
        titles = [scene.title for scene in self.listed]
        return [title for title in titles if scene_slug(title) not in self._taken]

    def _by_pause(self, card_pair: CardPair) -> str:
        begins = card_pair.shots[0].seconds
        last = self._last
        pause = -1.0 if last is None else begins - last[1]
        if last is not None and 0 <= pause <= (self.gap_seconds or 0.0):
            return last[0]
        return ""

    def _by_look(self, card_pair: CardPair) -> str:
        """The scene that looks like a pair, the newest first; empty if none does."""
        look = card_pair.sharp.look
        if look is None:
            return ""
        for shown, title in reversed(self._shown):
            if one_picture(shown, look):
                return title
        return ""

    def _new_title(self) -> str:
        for scene in self.listed:
            if scene_slug(scene.title) not in self._taken:
                return scene.title
        number = len(self._taken) + 1
        while f"scene-{number:03d}" in self._taken:
            number += 1
        return f"scene-{number:03d}"
