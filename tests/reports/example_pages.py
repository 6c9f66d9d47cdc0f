"""Pages that the tests of both renderers share: a realistic report and a hostile one."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage import data

from defocus.reports.model import (
    Beside,
    Column,
    Curve,
    Curves,
    Facts,
    Folded,
    Gallery,
    Link,
    Measured,
    Page,
    Paragraph,
    Point,
    Scatter,
    Slider,
    Table,
    Tabs,
    Tile,
)

NOTICE = "demo budget, not a comparison"
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    '" onmouseover="alert(1)',
    '#read("/etc/passwd")',
    "*bold* $x^2$ = heading @label `raw`",
    "{{ 7 * 7 }}{% include 'page.html.j2' %}",
    "photo\u202egpj.exe",
    "zero\u200bwidth\x1b[31m\x00bell\x07",
    "lone \udcff surrogate",
    "漢字 और عربي 🙂",
)

METRICS = (
    Column("PSNR", "dB", "higher", 2),
    Column("SSIM", "", "higher", 4),
    Column("MAE", "", "lower", 4),
    Column("LPIPS", "", "lower", 4),
)
SYSTEMS = (
    "Blurry input",
    "JDRL (U-Net)",
    "U-Net",
    "U-Net, prealigned",
    "U-Net, truth",
    "Wiener",
)


def blurred(picture: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    return np.asarray(gaussian_filter(picture, (sigma, sigma, 0)), dtype=np.uint8)


def _leaderboard(protocol: str, seed: int) -> Table:
    random = np.random.default_rng(seed)
    rows = []
    for name in SYSTEMS:
        psnr, ssim, mae, lpips = random.uniform(
            (22, 0.6, 0.02, 0.1), (29, 0.9, 0.06, 0.5)
        )
        lost = protocol == "truth" and name == "Wiener"
        rows.append((name, psnr, ssim, mae, None if lost else lpips))
    return Table(
        f"Protocol {protocol}",
        (Column("System"), *METRICS),
        tuple(rows),
        "Mean over 8 pictures of 2 scenes. LPIPS n/a: the backbone weights are absent.",
    )


def _wide() -> Table:
    random = np.random.default_rng(7)
    protocols = ("gt", "input-aligned", "deformed-gt", "truth")
    columns = [
        Column(f"{metric.name} {protocol}", metric.unit, metric.better, metric.decimals)
        for protocol in protocols
        for metric in METRICS
    ]
    rows = [
        (name, *map(float, random.uniform(0.1, 30, len(columns)))) for name in SYSTEMS
    ]
    return Table(
        "All protocols side by side", (Column("System"), *columns), tuple(rows)
    )


def _curves() -> Curves:
    random = np.random.default_rng(3)
    steps = np.arange(0, 1000, 2.0)
    curves = []
    for index, name in enumerate(SYSTEMS[1:5]):
        loss = 0.02 + 0.01 * index + 0.25 * np.exp(-steps / (120 + 60 * index))
        loss *= np.exp(random.normal(0, 0.06, steps.size))
        curves.append(Curve(name, tuple(steps), tuple(loss)))
    return Curves(
        "Training loss", "step", "loss (mean absolute error)", tuple(curves), log_y=True
    )


def _sliders() -> tuple[Slider, ...]:
    sliders = []
    for name in ("chelsea", "coffee", "astronaut"):
        sharp = getattr(data, name)()[..., :3]
        states = (
            ("Blurry input", blurred(sharp, 4)),
            ("Sharp", sharp),
            ("JDRL (U-Net)", blurred(sharp, 1.2)),
            ("U-Net", blurred(sharp, 2)),
        )
        sliders.append(Slider(f"{name}, sample dataset, test split", states))
    return tuple(sliders)


@cache
def realistic_page() -> Page:
    tables = tuple(
        _leaderboard(protocol, seed)
        for seed, protocol in enumerate(("input-aligned", "gt", "deformed-gt", "truth"))
    )
    status = Table(
        "Systems that did not run",
        (Column("System"), Column("Status")),
        (
            (
                "IFAN-8",
                "not-applicable: needs dual-pixel views, and dataset sample has none",
            ),
            (
                "A system with a remarkably long display name, variant w64-dual-pixel-8x",
                None,
            ),
        ),
    )
    cost = Table(
        "Cost per picture of 960 × 640 px",
        (
            Column("System"),
            Column("Parameters", "M", "lower", 2),
            Column("MACs", "G", "lower", 1),
            Column("Time", "s", "lower", 2),
        ),
        (("Blurry input", 0.0, None, 0.0), ("JDRL (U-Net)", 8.63, 153.2, 1.21)),
    )
    facts = Facts(
        "Provenance",
        (
            ("defocus", "0.1.0"),
            ("Dataset", "sample, 12 scenes, split test (2 scenes, 8 pairs)"),
            ("Dataset hash", "sha256:9c1185a5c5e9fc54612808977ee8f548b2258d31" * 2),
            ("Flow estimator", "dis"),
            ("Budget", "demo"),
            ("Device", "cpu, 2 threads"),
            ("Command", "defocus-bench run --all --out defocus-results"),
        ),
    )
    return Page(
        "Defocus deblurring on sample",
        NOTICE,
        (
            ("Leaderboard", (*tables, status, cost)),
            ("All protocols", (_wide(),)),
            ("Pictures", _sliders()),
            ("Training", (_curves(),)),
            (
                "How it was made",
                (
                    Paragraph(
                        "Every system is scored on the same pixels against the same reference: the "
                        "sharp picture, registered once onto the blurry input. The protocol "
                        "deformed-gt is shown for comparison with print and never ranked."
                    ),
                    facts,
                ),
            ),
        ),
        "6 systems, 4 protocols, 8 test pictures of 2 scenes, trained with the demo budget.",
    )


@cache
def hostile_page() -> Page:
    picture = np.zeros((24, 32, 3), dtype=np.uint8)
    parts = []
    for text in HOSTILE:
        parts += [
            Table(
                text,
                (Column(text, text), Column("PSNR")),
                ((text, 1.0), (text, None)),
                text,
            ),
            Slider(text, ((text, picture), (text, picture))),
            Curves(
                text,
                text,
                text,
                (Curve(text, (0.0, 1.0), (1.0, 2.0)),),
                places=(text, text),
            ),
            Scatter(text, text, text, (Point(text, 1.0, 2.0, marked=True),), text),
            Gallery(text, (Tile(text, picture, text),), text),
            Facts(text, ((text, text),)),
            Paragraph(text),
        ]
    linked = Table(
        HOSTILE[0],
        (Column(HOSTILE[0], choose="value"), Column("PSNR", choose="limit", bar=True)),
        tuple(
            (Link(t, "#folded", (t,)), Measured(1.0, (0.5, 2.0), 1, t, (1,)))
            for t in HOSTILE
        ),
        notes=(1,),
        references=(1,),
        anchors=tuple(f"row-{number}" for number in range(len(HOSTILE))),
        facets=tuple((t, t) for t in HOSTILE),
    )
    folded = Folded(
        HOSTILE[0], "folded", (Facts(HOSTILE[1], (HOSTILE[2:4],)),), HOSTILE[1]
    )
    tabs = Tabs(HOSTILE[0], tuple((text, (Paragraph(text),)) for text in HOSTILE))
    beside = Beside((Paragraph(HOSTILE[2]),), (tabs,))
    sections = (
        (HOSTILE[0], (linked, folded, beside, *parts)),
        (HOSTILE[1], tuple(parts[:7])),
    )
    return Page(" ".join(HOSTILE), HOSTILE[0], sections, HOSTILE[1], HOSTILE)
