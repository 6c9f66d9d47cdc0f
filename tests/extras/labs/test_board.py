"""The board of many labs: a static site."""

import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from defocus.benchmark.results.store import Entry
from defocus.errors import InputError
from defocus.extras.labs.lab_commands.board import command
from defocus.extras.labs.repository.board import write_board
from defocus.extras.labs.repository.check import check_repository
from defocus.extras.labs.signing import public_key, signature_of
from defocus.extras.labs.statement import SCORES, SIGNATURE, STATEMENT
from tests.extras.labs import many_bundles
from tests.extras.labs.many_bundles import make_repository


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return make_repository(
        tmp_path_factory.mktemp("repository") / "results", 24, labs=3
    )


@pytest.fixture(scope="module")
def site(repository):
    out = repository.parent / "site"
    result = CliRunner().invoke(command, [str(repository), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert str(out / "index.html") in result.output
    return out


def test_the_board_has_the_latest_of_each_lab_and_system(site):
    text = (site / "index.html").read_text(encoding="utf-8")
    assert "24 submissions of 3 labs" in text
    table = text[text.index("the latest submission of each") :].split("</table>")[0]
    rows = re.findall(
        r'<th scope="row"[^>]*><a href="(submissions/[^"]+)">([a-z-]+)</a>', table
    )
    assert sorted(name for _, name in rows) == sorted(
        ["input", *(["unet", "nafnet", "restormer", "jdrl-unet"] * 3)]
    )
    for wanted in ("Licence", "Seen", "Checked", "Lab", "Parameters", "Time"):
        assert re.search(rf"data-choose=[^>]*><span class=.name.>{wanted}", text), (
            wanted
        )


def test_every_link_leads_to_a_page_and_nothing_is_fetched(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) == 1 + 24 + 4
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r'(?:src|href)="(?:https?:)?//', text)
        for target in re.findall(r'href="([^"#]+\.html)', text):
            assert (page.parent / target).is_file(), (page, target)


def test_a_system_has_its_history_and_a_submission_its_facts(site):
    history = (site / "systems" / "unet.html").read_text(encoding="utf-8")
    assert history.count("submissions/") >= 6
    assert "PSNR over submissions" in history
    page = next((site / "submissions").glob("*0002*"))
    text = page.read_text(encoding="utf-8")
    for wanted in (
        "non-commercial",
        "0.1.0",
        "dpdd",
        "Nobody whom this repository names",
    ):
        assert wanted in text
    places = [
        text.index(one) for one in (">On the board<", ">Submission<", ">Details<")
    ]
    assert places == sorted(places)


def test_narrow_copies_are_marked_and_stand_apart(tmp_path, monkeypatch):
    entry = many_bundles._entry

    def demo(system: str, number: int) -> Entry:
        run_entry = entry(system, number)
        return (
            replace(run_entry, weights="narrow", budget="demo")
            if system == "unet"
            else run_entry
        )

    monkeypatch.setattr(many_bundles, "_entry", demo)
    write_board(make_repository(tmp_path / "results", 8, labs=1), tmp_path / "site")
    text = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    compared, _, demos = text.partition("demo, not a comparison")
    assert ">unet</a>" not in compared
    row = demos.partition(">unet</a>")[2].partition("</tr>")[0]
    assert "narrow" in row.partition("</th>")[0]
    assert "0.0020" in row, "its parameters are not shown as 0.00"
    history = (tmp_path / "site" / "systems" / "unet.html").read_text(encoding="utf-8")
    assert "narrow" in history
    assert "PSNR over submissions" not in history


def test_systems_whose_names_are_nearly_alike_have_their_own_history(
    tmp_path, monkeypatch
):
    names = {"unet": "U-Net", "nafnet": "u-net", "restormer": "文", "jdrl-unet": "字"}
    entry = many_bundles._entry

    def renamed(system: str, number: int) -> Entry:
        return replace(entry(system, number), system=names.get(system, system))

    monkeypatch.setattr(many_bundles, "_entry", renamed)
    write_board(make_repository(tmp_path / "results", 8, labs=1), tmp_path / "site")
    index = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    pages = {
        name: link
        for link, name in re.findall(r'href="(systems/[^"]+)">([^<]+)</a>', index)
    }
    assert set(pages) == set(names.values())
    for name, link in pages.items():
        text = (tmp_path / "site" / link).read_text(encoding="utf-8")
        assert f"History of {name}" in text


def test_what_is_not_admitted_is_listed_with_the_reason(repository):
    settings = repository / "repository.toml"
    before = settings.read_text(encoding="utf-8")
    damaged = repository / "bundles" / "zz.zip"
    damaged.write_bytes(b"no archive")
    settings.write_text(f'{before}[deny]\nversions = ["0.1.0"]\n', encoding="utf-8")
    out = repository.parent / "denied"
    assert write_board(repository, out) == 0
    text = (out / "index.html").read_text(encoding="utf-8")
    assert text.count("the version 0.1.0 is denied") == 24
    assert "damaged" in text
    settings.write_text(before, encoding="utf-8")
    damaged.unlink()
    assert write_board(repository, out) == 24  # the earlier site is replaced
    assert "denied" not in (out / "index.html").read_text(encoding="utf-8")


def test_the_sample_of_the_docs_is_in_order_and_on_its_board(tmp_path):
    """A system that leaves a picture alone has the input's output; that is no fraud."""
    sample = Path(__file__).parents[3] / "docs" / "results"
    assert check_repository(sample) == (2, [])
    assert write_board(sample, tmp_path / "site") == 2
    text = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "A sample: pages of text out of focus" in text
    assert set(re.findall(r'html">(input|wiener|defocus-s)</a>', text)) == {
        "input", "wiener", "defocus-s"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"T12:00:00", b"T25:00:00", "hour must be in 0..23"),
        (b'"seed":0', b'"seed":9999999999999999999999', "a number is too large"),
    ],
)
def test_one_impossible_statement_stops_neither_board_nor_check(
    tmp_path, old, new, said
):
    folder = make_repository(tmp_path / "results", 2, labs=1)
    first = folder / "bundles" / "0000.zip"
    with zipfile.ZipFile(first) as archive:
        content = archive.read(STATEMENT).replace(old, new)
    key = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
    signature = {"algorithm": "ed25519", "key": public_key(key)}
    signature["signature"] = signature_of(content, key)
    with zipfile.ZipFile(first, "w") as archive:
        archive.writestr(STATEMENT, content)
        archive.writestr(SIGNATURE, json.dumps(signature))
        archive.writestr(SCORES, "{}")
    assert write_board(folder, tmp_path / "site") == 1
    assert said in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    problems = [
        one for one in check_repository(folder)[1] if one.bundle == "bundles/0000.zip"
    ]
    assert [one.kind for one in problems] == ["format"]


def test_a_folder_of_something_else_is_left_alone(repository, tmp_path, refused):
    (tmp_path / "mine.txt").write_text("mine")
    with refused(InputError):
        write_board(repository, tmp_path)
    with refused(InputError):
        write_board(tmp_path, tmp_path / "site")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
