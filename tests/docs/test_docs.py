"""The documentation: it builds without a network, and its commands do what it says."""

import json
import os
import re
import shlex
import subprocess
import sys
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from mkdocs.config.defaults import MkDocsConfig
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

import defocus
from defocus.baselines.registry import all_baselines
from defocus.command_line.commands import command_group
from defocus.datasets.api import open_dataset
from defocus.pictures.read import read_image
from defocus.pictures.write import write_image
from defocus.reports.html import write_html
from research.pages import site as site_pages
from tests.benchmark import example_study
from tests.benchmark.example_study import make_study, page_of
from tests.browser.conftest import axe, browser, open_page
from tests.command_process import start_code
from tests.conftest import Run

__all__ = ["browser", "open_page"]

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TUTORIALS = ("researcher", "photographer", "curator", "author")
"""The first is that which plain ``pytest`` follows."""

ALONE = ("--no-build-isolation", "--no-deps", "--no-index", "--no-cache-dir", "--quiet")
"""So that pip installs without a network."""


BY_TWO_PROCESSES = {"audit", "compensate", "curate", "split"}
"""Commands of ``defocus-data`` that treat two pairs at once unless told otherwise."""


def commands(page: Path) -> list[list[str]]:
    """The commands of a page's bash blocks, as words."""
    blocks = re.findall(
        r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL
    )
    return [
        shlex.split(line, comments=True)
        for block in blocks
        for line in block.splitlines()
    ]


def write_files(page: Path, folder: Path) -> None:
    """The files that a page shows, each named before its block."""
    text = page.read_text(encoding="utf-8")
    for name, content in re.findall(
        r"`([\w/-]+\.(?:py|toml))`.*?```\w+\n(.*?)```", text, re.DOTALL
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site, with a small study as its example; what would ask the network finds none."""
    out = tmp_path_factory.mktemp("site")
    example = make_study(tmp_path_factory.mktemp("example"), 4, 4, pictures=2)
    write_html(page_of(example), example / "report.html", 0)
    nowhere = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    process = start_code(
        "from mkdocs.__main__ import cli; cli()",
        *("build", "--strict", "--site-dir", out),
        folder=ROOT,
        NO_MKDOCS_2_WARNING="1",
        DEFOCUS_EXAMPLE=str(example),
        **nowhere,
    )
    output = process.communicate()
    assert process.returncode == 0, output
    return out


class Fetched(HTMLParser):
    """What a page loads when it is opened."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        loads = tag in {"script", "img", "iframe", "source", "video", "audio"}
        loads |= tag == "link" and given.get("rel") not in {"canonical", "next", "prev"}
        address = given.get("src") or given.get("href")
        if loads and address:
            self.found.append(address)


@pytest.mark.full
def test_the_site_is_whole_and_asks_nothing_of_the_network(site):
    pages = {str(path.relative_to(site)): path for path in site.rglob("*.html")}
    wanted = {f"tutorials/{name}.html" for name in TUTORIALS}
    assert wanted | {
        "formulas.html",
        "how-to/reports.html",
        "reference/report.html",
    } <= set(pages)
    for name, path in pages.items():
        loaded = Fetched(path.read_text(encoding="utf-8")).found
        assert not [a for a in loaded if re.match(r"(https?:)?//", a)], name


@pytest.mark.full
def test_a_link_to_a_part_of_another_page_is_a_link(site):
    page = (site / "jdrl.html").read_text(encoding="utf-8")
    assert 'href="jdrl-numbers.html#by-dose-of-misalignment"' in page


@pytest.mark.full
def test_the_live_example_is_the_report_of_a_study_with_its_pictures(site):
    page = (site / "reference" / "example.html").read_text(encoding="utf-8")
    assert 'href="report.html"' in page
    report = (site / "reference" / "report.html").read_text(encoding="utf-8")
    pictures = re.findall(r"report-pictures/[\w.]+", report)
    assert len(pictures) >= 2
    assert all((site / "reference" / name).is_file() for name in pictures)


def test_a_build_without_the_live_example_says_how_to_make_it(tmp_path, caplog):
    config = MkDocsConfig()
    config.extra = {"example": str(tmp_path / "none")}
    assert list(site_pages._example(config)) == []
    (line,) = caplog.messages
    assert line.startswith(
        "the live example is missing: 'defocus-bench run --all --out "
    )


@pytest.mark.full
def test_no_script_of_ours_is_published(site):
    assert [path for path in site.rglob("*") if path.suffix in {".py", ".toml"}] == []


@pytest.mark.full
def test_pages_made_from_the_code_hold_what_it_has(site):
    text = {
        name: (site / "reference" / f"{name}.html").read_text(encoding="utf-8")
        for name in ("commands", "systems", "datasets", "metrics", "python")
    }
    assert "defocus-bench report" in text["commands"]
    assert "--against" in text["commands"]
    assert not re.search(r"\x08|\\b", text["commands"])  # click's mark of a list
    assert 'href="systems/restormer.html"' in text["systems"]
    assert "dpdd" in text["datasets"]
    assert "LPIPS" in text["metrics"]
    for name in defocus.__all__:
        assert (
            name.startswith("_")
            or name == "plugin"
            or f"defocus.{name}" in text["python"]
        )
    # examples of docstrings are code with prompts
    assert text["python"].count('class="gp">&gt;&gt;&gt; ') > 2 * len(defocus.__all__)
    formulas = (site / "formulas.html").read_text(encoding="utf-8")
    assert formulas.count("<math") >= 20
    assert "$" not in re.sub(r"<(script|style).*?</\1>", "", formulas, flags=re.DOTALL)


@pytest.mark.full
def test_each_system_has_a_page_with_its_card_and_variants(site):
    systems = all_baselines()
    own = {n for n, one in systems.items() if one.card.variant_of not in systems}
    pages = {
        path.stem: path for path in (site / "reference" / "systems").glob("*.html")
    }
    assert set(pages) == own
    dmphn = pages["dmphn"].read_text(encoding="utf-8")
    assert "dmphn-stack4" in dmphn
    assert escape(systems["dmphn"].card.licence) in dmphn


@pytest.mark.full
@pytest.mark.debian
def test_search_works_in_the_folder_of_the_site(site, browser):
    browser.get((site / "index.html").as_uri())
    browser.execute_script("document.getElementById('__search').click()")
    field = browser.find_element(By.CSS_SELECTOR, "[data-md-component='search-query']")
    WebDriverWait(browser, 120).until(lambda _: field.is_displayed())
    field.send_keys("restormer")
    hits = WebDriverWait(browser, 120).until(
        lambda b: b.find_elements(By.CSS_SELECTOR, ".md-search-result__link")
    )
    assert "systems/restormer.html" in " ".join(
        link.get_attribute("href") for link in hits
    )
    asked = [
        json.loads(entry["message"])["message"]
        for entry in browser.get_log("performance")
    ]
    sent = [
        m["params"]["request"]["url"]
        for m in asked
        if m["method"].endswith("WillBeSent")
    ]
    assert not [url for url in sent if url.startswith("http")]


IN_FIRST_SCREEN = """
return [...document.querySelectorAll(arguments[0])].filter((one) => {
  const box = one.getBoundingClientRect();
  return box.top >= 0 && box.bottom <= innerHeight && box.right <= innerWidth;
}).map((one) => one.getAttribute("href") || [one.width, one.naturalWidth]);
"""


@pytest.mark.full
@pytest.mark.debian
def test_the_first_screen_has_pictures_at_their_size_and_a_link_for_each_person(
    site, open_page
):
    browser = open_page(site / "index.html", 1280, 800)
    WebDriverWait(browser, 120).until(
        lambda b: b.execute_script(IN_FIRST_SCREEN, "article img") == [[1024, 1024]]
    )
    links = browser.execute_script(IN_FIRST_SCREEN, "article strong > a")
    assert set(links) == {f"tutorials/{name}.html" for name in TUTORIALS}
    first = browser.execute_script(
        "return document.querySelector('h1').nextElementSibling"
    )
    assert first.find_element(By.TAG_NAME, "img").is_displayed()


LOOKED_AT = (
    "index", "jdrl", "jdrl-numbers", "alignment", "charts", "formulas", "python", "studies",
    "how-to/plug-ins", "how-to/restoring", "tutorials/author", "reference/commands",
    "reference/example", "reference/python", "reference/report", "reference/systems",
    "reference/systems/dmphn",
)  # fmt: skip
"""Pages with what any page has: tables and code that scroll, menus, pictures, formulas."""


@pytest.mark.full
@pytest.mark.debian
@pytest.mark.parametrize("name", LOOKED_AT)
def test_axe_finds_nothing_on_a_page(site, open_page, name):
    """On a screen and on a phone, in the light and in the dark."""
    path = site / f"{name}.html"
    for width in (1280, 390):
        for theme in ("light", "dark"):
            open_page(path, width, 800, theme=theme).execute_script(
                "localStorage.clear()"
            )
            # the theme remembers the last one
            browser = open_page(path, width, 800, theme=theme)
            assert axe(browser) == {}, (width, theme)


@pytest.mark.full
@pytest.mark.debian
def test_what_jdrl_is_worth_fills_two_screens_with_a_figure_for_each_claim(
    site, open_page
):
    browser = open_page(site / "jdrl.html", 1280, 800)
    assert (
        browser.execute_script("return document.documentElement.scrollHeight") <= 1600
    )
    claims = browser.find_elements(By.CSS_SELECTOR, "article h2")
    figures = browser.find_elements(By.CSS_SELECTOR, "article img")
    assert len(claims) == len(figures) == 4
    for claim, figure in zip(claims, figures, strict=True):
        WebDriverWait(browser, 120).until(
            lambda _, one=figure: one.get_property("naturalWidth")
        )
        assert figure.rect["y"] - claim.rect["y"] < 200
        assert figure.rect["height"] >= 200, "its words can be read"


def test_what_jdrl_is_worth_is_said_in_few_words():
    text = (DOCS / "jdrl.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 600
    assert text.count("\n## ") == text.count("![") == 4


@pytest.mark.parametrize("name", TUTORIALS)
def test_the_commands_of_each_tutorial_run_from_nothing(name, run, tmp_path):
    report = follow(DOCS / "tutorials" / f"{name}.md", run, tmp_path)
    if name in {"researcher", "author"}:
        assert ("Wiener" if name == "researcher" else "MyNetwork") in report.read_text()


@pytest.mark.parametrize("name", ["own-loss", "own-pairs", "own-network"])
def test_the_commands_of_a_page_of_one_screen_run(name, run, tmp_path):
    page = DOCS / "how-to" / f"{name}.md"
    assert len(page.read_text(encoding="utf-8").splitlines()) <= 45
    write_pairs(tmp_path / "my-pairs")
    assert follow(page, run, tmp_path).is_file()


def test_a_fair_comparison_gives_every_network_the_same_steps(run, tmp_path):
    write_pairs(tmp_path / "my-pairs")
    write_files(DOCS / "how-to" / "own-network.md", tmp_path)
    page = DOCS / "how-to" / "fair-comparison.md"
    write_files(page, tmp_path)
    write_pairs(tmp_path / "full-size")
    plans = []
    for command, *words in commands(page):
        result = run(command, *words, "--dry-run")
        assert result.returncode == 0, result.stderr
        plans.append(set(result.stdout.split()))
    alike, native = plans
    assert {"my-net", "unet", "nafnet"} <= alike
    assert {"restormer@scales", "nafnet@scales"} <= native


def write_pairs(folder: Path) -> None:
    """Three pairs with a uniform blur."""
    draw = np.random.default_rng(0)
    for number in range(3):
        noise = cv2.GaussianBlur(draw.random((120, 160, 3)), (0, 0), 1.0)
        sharp = 255 * (noise - noise.min()) / np.ptp(noise)
        both = {"sharp": sharp, "blurry": cv2.GaussianBlur(sharp, (0, 0), 1.5)}
        for role, picture in both.items():
            path = folder / role / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, picture.astype(np.uint8))


def test_the_way_from_a_session_to_a_release_runs(run, tmp_path):
    follow(DOCS / "how-to" / "card-to-release.md", run, tmp_path)
    judged = (tmp_path / "curated" / "judgements.csv").read_text()
    assert judged.count("accept") >= 3, "compensation came first"
    listing = run("defocus-data", "list", "release:release").stdout
    assert "licence: CC-BY-4.0" in listing
    pairs = open_dataset(f"release:{tmp_path / 'release'}").pairs
    assert len({read_image(pair.blurry).shape for pair in pairs}) == 1


def follow(page: Path, run: Run, folder: Path) -> Path:
    """Write a page's files, run its commands one after the other; the report that may be made."""
    write_files(page, folder)
    installed = folder / "installed"
    path = os.pathsep.join(map(str, (ROOT, installed)))
    lines = commands(page)
    assert lines
    for words in lines:
        if words[:2] == ["pip", "install"]:
            pip = [sys.executable, "-m", *words, *ALONE, "--target", str(installed)]
            subprocess.run(pip, cwd=folder, check=True)
            continue
        # which takes seconds to start, for the same result
        if set(words) & BY_TWO_PROCESSES:
            words = [*words, "--on", "1"]
        away = {"https_proxy": "http://127.0.0.1:9", "PYTHONPATH": path}
        result = run(*words, OMP_NUM_THREADS="1", **away)
        assert result.returncode == 0, f"{words}: {result.stderr}"
    return folder / "study" / "report.html"


@pytest.mark.full
def test_the_commands_about_reports_run(tmp_path, monkeypatch):
    monkeypatch.setattr(
        example_study, "SYSTEMS", ("unet", "jdrl-unet", "rjdrl-unet", "restormer")
    )
    make_study(tmp_path / "study", 4, 24)
    make_study(tmp_path / "before", 2, 24)
    monkeypatch.chdir(tmp_path)
    bench = command_group("defocus-bench", "defocus.benchmark.commands", "")
    for name, *words in commands(DOCS / "how-to" / "reports.md"):
        assert name == "defocus-bench"
        result = CliRunner().invoke(bench, words, catch_exceptions=False)
        assert result.exit_code == 0, f"{words}: {result.output}"
    for name in ("report.html", "report.pdf", "comparison.html", "comparison.pdf"):
        assert (tmp_path / "study" / name).stat().st_size > 10_000
    assert len(list((tmp_path / "figures").glob("*.pdf"))) == 3
