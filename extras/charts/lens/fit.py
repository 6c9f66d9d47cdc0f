"""Fit of a lens to photographs of the chart (Levenberg-Marquardt)."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError
from defocus.extras.charts.lens.numbers import (
    CUT_AT,
    DIAPHRAGM,
    FIRST,
    NUMBERS,
    first_numbers,
)
from defocus.extras.charts.lens.photographs import (
    LEAST_BLUR_PX,
    signed_blur,
    why_too_few,
)
from defocus.extras.charts.lens.probes import ChartProbe, ChartShot, probes
from defocus.extras.charts.lens.response import displacements, explained, left_over
from defocus.extras.charts.lens.summary import FittedLens
from defocus.progress import track
from defocus.scene.colour_psf import pupil_grid
from defocus.scene.real_lens import OffAxis, Pupil, RealLens, Rim

Floats = NDArray[np.float64]

STOPPED = 1.05
"""Ratio of an f-number to the open one from which the blades of a lens show."""
FOCUS_STEP, TILT_STEP = 0.015, 0.03
CLEAR = 0.15
"""Least distance of the rims from the chief ray, in radii."""
ROUNDS, ENOUGH = (3, 12), 5e-5
DAMPING, TRIES = 1e-3, 7
ALIKE = 3.0
"""Standard errors by which the sums of squares of two ends must differ before one is chosen."""
LEAST_SHOTS, LEAST_PROBES = 2, 8
BLADES = (5, 6, 7, 8, 9, 10, 11)
TURNS, FEW = 4, 3
"""Number of rotations of the diaphragm that are tried as starts of the fit, and the step between
the probes that each trial uses: every third one."""
SPREAD_SIDE = 96


@dataclass
class _State:
    """Numbers of the lens, and focus and tilt of each photograph (px; px per half diagonal)."""

    numbers: dict[str, float]
    focus: Floats


@dataclass
class _Seen:
    """A probe of a photograph, where it was found last, and how displacements look there."""

    shot: int
    probe: ChartProbe
    f_number: float
    shift: tuple[float, float] = (0.0, 0.0)
    displaced: Floats = field(default_factory=lambda: np.zeros((2, 1)))

    def rest(
        self,
        lens: RealLens,
        focus: Floats,
        *,
        move: bool,
        waves: bool,
    ) -> Floats:
        """The remainder beyond the lens and a displacement; ``move`` keeps the better place."""
        tilted = (1.0, *self.probe.field)
        diameter = float(focus[self.shot] @ tilted)
        used = replace(lens, f_number=self.f_number)
        spectrum = explained(self.probe, used, diameter, self.shift, waves=waves)
        rest = left_over(self.probe, spectrum).ravel()
        if move:
            self.displaced = displacements(self.probe, spectrum)
        slopes = self.displaced
        step = np.linalg.solve(slopes @ slopes.T, slopes @ rest)
        if move:
            right, down = self.shift
            self.shift = right + float(step[0]), down + float(step[1])
        return np.asarray(rest - step @ slopes)


def fit_lens(
    shots: Sequence[ChartShot],
    pixel_pitch_um: float,
    open_f_number: float | None = None,
) -> FittedLens:
    """Fit a lens to photographs of one chart at several settings of focus or aperture.

    Those of one f-number go from nearer to farther: blurs before and behind the focus are alike."""
    signed = signed_blur(shots)
    kept = _out_of_focus(signed)
    shots = [shots[k] for k in kept]
    diameters = signed[kept]
    seen = _all_probes(shots)
    f_numbers = [shot.f_number for shot in shots]
    open_ = min(f_numbers) if open_f_number is None else open_f_number
    base = RealLens(open_, open_, pixel_pitch_um)
    state = _begun(shots, diameters, open_, seen, base)
    every = [name for name in NUMBERS if name not in DIAPHRAGM]
    state, apart = _better_end(state, seen, base, tuple(every))
    state, _ = _fitted(state, seen, base, tuple(every), ROUNDS[0], waves=True)
    if max(f_numbers) > STOPPED * open_:
        base, state = _with_blades(state, seen, base, f_numbers)
        every = list(NUMBERS)
        state, _ = _fitted(state, seen, base, tuple(every), ROUNDS[1], waves=True)
    _, slopes = _slopes(state, seen, base, every)
    rest = _rest(state, seen, base, waves=True)
    errors = {}
    for name, error in _errors(state, every, seen, rest, slopes).items():
        errors[name] = math.hypot(error, apart.get(name, 0.0))
    residuals = np.concatenate(rest)
    return FittedLens(
        _lens(base, state.numbers),
        state.numbers,
        errors,
        tuple(kept),
        tuple(map(float, state.focus[:, 0])),
        tuple(f_numbers),
        float(np.sqrt(np.mean(residuals**2))),
    )


def _out_of_focus(signed: Floats) -> list[int]:
    """Numbers of the photographs that are blurred enough; ImageError if these are too few."""
    kept = np.flatnonzero(np.abs(signed) >= LEAST_BLUR_PX)
    if len(kept) < LEAST_SHOTS:
        raise ImageError(
            f"{len(kept)} of {len(signed)} pictures are blurred by {LEAST_BLUR_PX:g} px or more; "
            f"take {LEAST_SHOTS} or more out of focus, on both sides"
        )
    return list(map(int, kept))


def _all_probes(shots: Sequence[ChartShot]) -> list[_Seen]:
    """The probes of all photographs; ImageError if one has too few."""
    seen = []
    for k, shot in enumerate(shots):
        own = [_Seen(k, one, shot.f_number) for one in probes(shot)]
        if len(own) < LEAST_PROBES:
            raise ImageError(why_too_few(shots, LEAST_PROBES))
        seen += own
    return seen


def _begun(
    shots: Sequence[ChartShot],
    diameters: Floats,
    open_: float,
    seen: list[_Seen],
    base: RealLens,
) -> _State:
    """The best of some first fits, each with another cut of the pupil."""
    focus = np.column_stack([diameters, np.zeros((len(shots), 2))])
    pupil = open_ / min(shot.f_number for shot in shots)
    is_stopped = pupil < 1 / STOPPED
    cuts = CUT_AT if is_stopped else CUT_AT[:1]
    begun = []
    for place in cuts:
        state = _State(first_numbers(pupil, place), focus)
        begun.append(_fitted(state, seen, base, FIRST, ROUNDS[0]))
    best, _ = min(begun, key=lambda one: one[1])
    return best


def _better_end(
    state: _State,
    seen: list[_Seen],
    base: RealLens,
    names: tuple[str, ...],
) -> tuple[_State, dict[str, float]]:
    """The better of two ends, and how far they are apart in each number; empty if one is worse.

    The second fit begins at the first's mirror image; of two equally good ends, the one with more
    even rims is taken."""
    first, _ = _fitted(state, seen, base, names, ROUNDS[1])
    second, _ = _fitted(_mirrored(first), seen, base, names, ROUNDS[1])
    left = _squares(first, seen, base)
    more = _squares(second, seen, base) - left
    noise = left.sum() / sum(one.probe.seen.size for one in seen)
    if not _are_alike(more, noise):
        better = first if more.sum() > 0 else second
        return better, {}
    apart = {}
    for name in names:
        apart[name] = abs(second.numbers[name] - first.numbers[name])
    return min(first, second, key=_unevenness), apart


def _are_alike(more: Floats, noise: float) -> bool:
    """Whether two fits explain about as much; ``more`` is what one adds to the squares."""
    scatter = ALIKE * math.sqrt(len(more)) * more.std()
    allowed = max(scatter, ALIKE**2 * noise)
    return bool(abs(more.sum()) <= allowed)


def _unevenness(state: _State) -> float:
    """How much farther one rim is shifted than the other, radii of the open pupil."""
    return abs(state.numbers["front_shift"] + state.numbers["rear_shift"])


def _squares(state: _State, seen: Sequence[_Seen], base: RealLens) -> Floats:
    """The sum of squares of each probe, at its best place."""
    _rest(state, seen, base, move=True)
    return np.array(list(map(_square, _rest(state, seen, base))))


def _square(rest: Floats) -> float:
    """The sum of squares of one probe's rest."""
    return float(rest @ rest)


def _mirrored(state: _State) -> _State:
    """The other explanation of light on one side: coma, or rims that cut more on one side."""
    numbers = dict(state.numbers)
    shift = (numbers["rear_shift"] - numbers["front_shift"]) / 2
    radius = (numbers["rear_radius"] + numbers["front_radius"]) / 2
    for name in ("coma_07", "coma_corner"):
        numbers[name] = -numbers[name]
    numbers |= {"front_shift": -shift, "rear_shift": shift}
    numbers |= {"front_radius": radius, "rear_radius": radius}
    return _State(numbers, state.focus.copy())


def _lens(base: RealLens, numbers: dict[str, float]) -> RealLens:
    n = numbers

    def off(name: str) -> OffAxis:
        return OffAxis(n[f"{name}_07"], n[f"{name}_corner"])

    def rim(side: str) -> Rim:
        return Rim(n[f"{side}_shift"], n[f"{side}_radius"])

    return replace(
        base,
        roundness=n["roundness"],
        turn_deg=n["turn_deg"],
        spherical=n["spherical"],
        spherical_6=n["spherical_6"],
        oblique_spherical=off("oblique"),
        coma=off("coma"),
        astigmatism=off("astigmatism"),
        field_curvature=off("curvature"),
        axial_colour_um=(n["axial_red"], n["axial_blue"]),
        lateral_colour_um=(n["lateral_red"], n["lateral_blue"]),
        front=rim("front"),
        rear=rim("rear"),
    )


def _rest(
    state: _State,
    seen: Sequence[_Seen],
    base: RealLens,
    *,
    move: bool = False,
    waves: bool = False,
) -> list[Floats]:
    """The remainder of each probe beyond the lens; ``move`` keeps the better places."""
    lens = _lens(base, state.numbers)
    return [one.rest(lens, state.focus, move=move, waves=waves) for one in seen]


def _slopes(
    state: _State,
    seen: Sequence[_Seen],
    base: RealLens,
    names: Sequence[str],
) -> tuple[list[Floats], list[Floats]]:
    """The rest of each probe, and its derivatives ``(parameters, n)`` by names and own focus."""
    rest = _rest(state, seen, base)
    columns = []
    for name in names:
        other, step = _with_step(state, name)
        changed = _rest(other, seen, base)
        columns.append(_change_per_step(rest, changed, step))
    for place, step in enumerate((FOCUS_STEP, TILT_STEP, TILT_STEP)):
        focus = state.focus.copy()
        focus[:, place] += step
        changed = _rest(_State(state.numbers, focus), seen, base)
        columns.append(_change_per_step(rest, changed, step))
    by_probe = zip(*columns, strict=True)
    return rest, [np.stack(slopes) for slopes in by_probe]


def _with_step(state: _State, name: str) -> tuple[_State, float]:
    """The state with a number changed by its step, and the step, which stays in the range."""
    step, _, most = NUMBERS[name]
    value = state.numbers[name]
    if value + step > most:
        step = -step
    numbers = {**state.numbers, name: value + step}
    return _State(numbers, state.focus), step


def _change_per_step(
    rest: list[Floats],
    changed: list[Floats],
    step: float,
) -> list[Floats]:
    """Differences of the probes' rests, over the step of a parameter."""
    return [(b - a) / step for a, b in zip(rest, changed, strict=True)]


def _normal(
    state: _State,
    count: int,
    seen: Sequence[_Seen],
    rest: list[Floats],
    slopes: list[Floats],
) -> tuple[Floats, Floats]:
    """Normal equations over some numbers of the lens, and three numbers of each photograph."""
    size = count + state.focus.size
    matrix = np.zeros((size, size))
    right = np.zeros(size)
    for one, r, slope in zip(seen, rest, slopes, strict=True):
        of_shot = count + 3 * one.shot
        used = np.r_[0:count, of_shot : of_shot + 3]
        matrix[np.ix_(used, used)] += slope @ slope.T
        right[used] += slope @ r
    return matrix, right


def _fitted(
    state: _State,
    seen: list[_Seen],
    base: RealLens,
    names: tuple[str, ...],
    rounds: int,
    *,
    waves: bool = False,
) -> tuple[_State, float]:
    """The better state after some rounds, and its sum of squares.

    With waves, the residuals are of waves but the derivatives of rays, which are near enough."""
    damping = DAMPING
    _rest(state, seen, base, move=True, waves=waves)
    for _ in track(range(rounds), f"fitting {len(names)} numbers"):
        by_rays, slopes = _slopes(state, seen, base, names)
        rest = _rest(state, seen, base, waves=True) if waves else by_rays
        before = _left(rest)
        matrix, right = _normal(state, len(names), seen, rest, slopes)
        for step, used in _damped_steps(matrix, right, damping):
            tried = _stepped(state, names, step)
            after = _left(_rest(tried, seen, base, waves=waves))
            if after < before:
                damping = used / 5
                break
        else:
            return state, before
        state = tried
        _rest(state, seen, base, move=True, waves=waves)
        if before - after < ENOUGH * before:
            break
    return state, after


def _damped_steps(
    matrix: Floats,
    right: Floats,
    damping: float,
) -> Iterator[tuple[Floats, float]]:
    """Steps that are damped more and more, each with its damping.

    (A + d diag(A)) step = -b, by Levenberg and Marquardt."""
    diagonal = np.diag(np.diag(matrix) + 1e-9)
    for _ in range(TRIES):
        step = np.linalg.solve(matrix + damping * diagonal, -right)
        yield np.asarray(step, np.float64), damping
        damping *= 8


def _stepped(state: _State, names: Sequence[str], step: Floats) -> _State:
    numbers = dict(state.numbers)
    of_numbers, of_focus = np.split(step, [len(names)])
    for name, change in zip(names, of_numbers, strict=True):
        _, least, most = NUMBERS[name]
        changed = np.clip(numbers[name] + change, least, most)
        numbers[name] = float(changed)
    for side in ("front", "rear"):
        shift = f"{side}_shift"
        farthest = numbers[f"{side}_radius"] - CLEAR
        numbers[shift] = float(np.clip(numbers[shift], -farthest, farthest))
    focus = state.focus + of_focus.reshape(-1, 3)
    return _State(numbers, focus)


def _with_blades(
    state: _State,
    seen: list[_Seen],
    base: RealLens,
    f_numbers: list[float],
) -> tuple[RealLens, _State]:
    """Number of blades that leaves least, by waves: rays are off more than diaphragms differ."""
    few = seen[::FEW]
    tried = []
    for blades in BLADES:
        one = replace(base, blades=blades)
        turns = np.arange(TURNS) * 360.0 / blades / TURNS
        starts = [_turned(state, one, turn, f_numbers) for turn in turns]
        start = min(starts, key=lambda begun: _left(_rest(begun, few, one, waves=True)))
        candidate, left = _fitted(start, few, one, DIAPHRAGM, ROUNDS[0], waves=True)
        tried.append((left, one, candidate))
    _, base, state = min(tried, key=lambda one: one[0])
    return base, state


def _turned(
    state: _State,
    base: RealLens,
    turn_deg: float,
    f_numbers: list[float],
) -> _State:
    """A start of a fit with blades at a turn, as blurred as with the round aperture."""
    numbers = {
        **state.numbers,
        "roundness": 0.4,
        "turn_deg": turn_deg,
    }
    lens = _lens(base, numbers)
    spreads = np.array([_spread(lens, f_number) for f_number in f_numbers])
    focus = state.focus / spreads[:, None]
    return _State(numbers, focus)


def _spread(lens: RealLens, f_number: float) -> float:
    """Mean distance of the light from the middle of the pupil, relative to a round one."""
    x, y = pupil_grid(SPREAD_SIDE)
    distance = np.hypot(x, y)
    stopped = replace(lens, f_number=f_number)
    pupil = Pupil(stopped, (0.0, 0.0))
    open_ = pupil.depth(x, y) >= 0.0
    return float(distance[open_].mean() / distance.mean())


def _left(rest: list[Floats]) -> float:
    """The sum of squares."""
    return sum(map(_square, rest))


def _errors(
    state: _State,
    names: Sequence[str],
    seen: Sequence[_Seen],
    rest: list[Floats],
    slopes: list[Floats],
) -> dict[str, float]:
    """Standard errors, the larger of two: by curvature, and by scatter of the probes (sandwich).

    Source: H. White, Maximum likelihood estimation of misspecified models, Econometrica 50, 1982.
    """
    matrix, pulls = _equations(state, names, seen, rest, slopes)
    size = len(matrix)
    ridge = 1e-12 * float(np.diag(matrix).max()) * np.eye(size)
    inverse = np.linalg.inv(matrix + ridge)
    spare = max(len(seen) - size, 1)
    residuals = np.concatenate(rest)
    by_curvature = float(np.mean(residuals**2)) * np.diag(inverse)
    moved = pulls @ inverse
    by_probes = len(seen) / spare * np.square(moved).sum(axis=0)
    variances = np.maximum(by_curvature, by_probes)
    errors = np.sqrt(np.maximum(variances, 0.0))
    return dict(zip(names, errors.tolist(), strict=False))


def _equations(
    state: _State,
    names: Sequence[str],
    seen: Sequence[_Seen],
    rest: list[Floats],
    slopes: list[Floats],
) -> tuple[Floats, Floats]:
    """Normal matrix over all probes, and the pull of each."""
    matrices, pulls = [], []
    for one, left, slope in zip(seen, rest, slopes, strict=True):
        matrix, pull = _normal(state, len(names), [one], [left], [slope])
        matrices.append(matrix)
        pulls.append(pull)
    return np.sum(matrices, axis=0), np.stack(pulls)
