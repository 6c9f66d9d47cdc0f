"""What a release says of its pictures, its licence and its date; and the colours of its files."""

import io
from pathlib import Path
from types import MappingProxyType

import numpy as np
import packaging.licenses._spdx
import pytest
import skimage.data
from PIL import Image as PillowImage
from PIL import ImageCms

from defocus.datasets.pair import Pair, step
from defocus.datasets.release.card import bibtex, citation_text, datacite, licence_text
from defocus.datasets.release.details import (
    ADDRESSES,
    Details,
    canonical_expression,
    hub_licence,
    licence_address,
    licence_problem,
    name_of,
)
from defocus.datasets.release.facts import ReleaseFacts
from defocus.datasets.release.provenance import (
    kinds,
    pictures_text,
    sharp_text,
    steps_text,
)
from defocus.errors import ImageError, SettingsError
from defocus.pictures.profiles import in_srgb
from defocus.pictures.read import read_image
from defocus.settings import load_settings, parse_settings


def pair(name, **metadata: object):
    mapping = MappingProxyType(metadata)
    return Pair(name, name, "test", Path("b.png"), Path("s.png"), metadata=mapping)


CAPTURED = pair("a")
FLOW = pair("b", compensation={"model": "flow", "versions": {"defocus": "0.2.0"}})
RENDERED = pair("c", true_misalignment={"zoom": 1.0})
BOTH = pair("d", true_misalignment={"zoom": 1.0}, compensation={"model": "global"})


def test_only_captured_pictures_are_said_to_be_as_captured():
    assert sharp_text([CAPTURED]) == "The picture in focus, as captured."
    assert "rendered" in sharp_text([RENDERED])
    assert "captured" not in sharp_text([RENDERED])
    assert "not as captured" in sharp_text([FLOW])
    assert "optical flow" in sharp_text([FLOW])
    assert sharp_text([BOTH]).endswith("not as captured; it was rendered from a scene.")
    assert "; of some pairs it was rendered from a scene." in sharp_text([BOTH, FLOW])
    (line,) = pictures_text([BOTH]).splitlines()
    assert line.startswith("- 1 of 1 pairs: rendered: ")
    assert "none is a photograph of it; compensated: the sharp picture" in line
    assert kinds([BOTH]) == {"rendered, compensated: global": 1}
    merged = pair("e", focus_stack={"position": 1, "sharp": "merged"})
    assert "fused from a focus stack; it is not as captured" in sharp_text([merged])
    smaller, whole = (pair("f", patch={"scale": scale}) for scale in (0.7, 1.0))
    assert (
        sharp_text([smaller])
        == "The picture in focus, made smaller than it was captured."
    )
    assert kinds([smaller, whole, merged]) == {
        "as captured": 1,
        "fused": 1,
        "reduced": 1,
    }
    assert kinds([FLOW, CAPTURED, FLOW]) == {"as captured": 1, "compensated: flow": 2}
    text = pictures_text([FLOW, CAPTURED, RENDERED])
    assert "1 of 3 pairs: compensated" in text
    assert "1 of 3 pairs: rendered" in text
    assert "compensated with defocus 0.2.0" in text


def test_a_licence_has_an_identifier(snapshot):
    for licence in ("CC BY 4.0", "cc-by-4", "cc-by-4.0", "free for everybody", ""):
        assert licence_problem(licence) == snapshot
    for own in (
        "CC-BY-4.0",
        "CC0-1.0",
        "MIT OR Apache-2.0",
        "LicenseRef-Our-Lab",
        "none given",
    ):
        assert licence_problem(own) == ""


def wide_profile():
    """A profile with primaries far from those of sRGB: its red and blue are exchanged."""
    content = bytearray(
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    )
    entries = {bytes(content[i : i + 4]): i for i in range(132, 132 + 12 * 20, 12)}
    red, blue = entries[b"rXYZ"], entries[b"bXYZ"]
    first, second = content[red + 4 : red + 8], content[blue + 4 : blue + 8]
    content[red + 4 : red + 8], content[blue + 4 : blue + 8] = second, first
    return bytes(content).replace(
        "sRGB".encode("utf-16-be"), "Wide".encode("utf-16-be")
    )


def linear_profile():
    """A profile named after sRGB, with its primaries and no curve, as editors write."""
    content = bytearray(
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    )
    for i in range(132, 132 + 12 * 20, 12):
        if content[i : i + 4] in (b"rTRC", b"gTRC", b"bTRC"):
            curve = int.from_bytes(content[i + 4 : i + 8], "big")
            # x to the power of 1
            content[curve + 8 : curve + 16] = bytes([0, 0, 0, 0, 0, 1, 0, 0])
    return bytes(content)


def saved(path, picture, profile):
    PillowImage.fromarray(picture).save(path, icc_profile=profile)
    return path


def test_other_colours_become_srgb_and_its_own_stay_to_the_bit(tmp_path, refused):
    """By the numbers of a profile, and not by its name."""
    picture = np.random.default_rng(0).integers(0, 255, (8, 9, 3), np.uint8)
    path = saved(tmp_path / "a.png", picture, wide_profile())
    stored = read_image(path)
    np.testing.assert_array_equal(stored, picture)
    converted = in_srgb(path, stored)
    profile = ImageCms.ImageCmsProfile(io.BytesIO(wide_profile()))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    expected = ImageCms.profileToProfile(
        PillowImage.fromarray(picture), profile, srgb, 1
    )
    np.testing.assert_array_equal(converted, np.asarray(expected))
    # red for blue
    assert np.abs(converted.astype(int) - picture[:, :, ::-1]).max() <= 3
    with refused(ImageError):
        in_srgb(path, picture.astype(np.uint16) * 257)
    for name, own in (
        ("a.png", srgb.tobytes()),
        ("b.png", None),
        ("c.webp", srgb.tobytes()),
    ):
        PillowImage.fromarray(picture).save(
            tmp_path / name, icc_profile=own, lossless=True
        )
        stored = read_image(tmp_path / name)
        assert in_srgb(tmp_path / name, stored) is stored
    bad = saved(tmp_path / "d.png", picture, b"no profile at all" * 20)
    with refused(ImageError):
        in_srgb(bad, picture)
    linear = saved(
        tmp_path / "e.png", np.full((8, 9, 3), 55, np.uint8), linear_profile()
    )
    assert in_srgb(linear, read_image(linear)).mean() == pytest.approx(127, abs=1)


def test_grey_of_another_curve_becomes_that_of_srgb():
    page = Path(skimage.data.__file__).with_name("page.png")
    stored = read_image(page)
    with PillowImage.open(page) as picture:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
        assert ImageCms.getProfileDescription(profile).startswith("Dot Gain 20%")
        expected = ImageCms.profileToProfile(
            picture, profile, ImageCms.createProfile("sRGB"), 1, outputMode="RGB"
        )
    converted = in_srgb(page, stored)
    np.testing.assert_array_equal(converted, np.asarray(expected))
    assert np.abs(converted.astype(int) - stored).max() > 10


NO_ORCIDS = (
    *(
        "https://orcid.org/0000-0002-1825-0097",
        "0000-0002-1825-0098",
        "0000-0002-1825",
        "x",
    ),
)
NO_DAYS = ("2026-02-30", "2026-13-01", "20260101", "2026-1-1", "today")
JANE = {"family": "Carberry", "given": "Josiah", "orcid": "0000-0002-1825-0097"}


def told(**more: object):
    facts = {
        "title": "Bench & more",
        "licence": "CC-BY-4.0",
        "date": "2026-11-20",
        **more,
    }
    return parse_settings(Details, facts, origin="card.toml")


def test_a_right_card_is_taken():
    tenth = told(
        authors=[{**JANE, "orcid": "0000-0002-9079-593X"}, "A lab"], date="2028-02-29"
    )
    assert list(map(name_of, tenth.authors)) == ["Josiah Carberry", "A lab"]


WRONG = [
    *({"authors": [{**JANE, "orcid": one}]} for one in NO_ORCIDS),
    *({"date": day} for day in NO_DAYS),
    {"authors": [{"name": "Jane"}]}, {"authors": [" "]}, {"authors": [3]},
    {"paper": "https://doi.org/10.1000/p"}, {"doi": "my paper"}, {"version": "v1"},
]  # fmt: skip


def test_a_wrong_card_is_told_in_words(refused):
    """No pattern, and no name of a class of this program."""
    for wrong in WRONG:
        with refused(SettingsError) as caught:
            told(**wrong)
        assert not any(
            word in str(caught.value) for word in ("pattern", "NamedPerson", "\\d")
        )


def test_a_date_of_toml_is_a_day(tmp_path):
    (tmp_path / "card.toml").write_text("title = 'a'\ndate = 2026-11-20\n")
    assert load_settings(Details, tmp_path / "card.toml").date == "2026-11-20"
    (tmp_path / "card.toml").write_text("title = 'a'\ndate = 2026-11-20T10:00:00\n")
    with pytest.raises(SettingsError, match="'date'"):
        load_settings(Details, tmp_path / "card.toml")


@pytest.mark.parametrize(
    ("author", "key"),
    [
        ({"family": "Müller-Lüdenscheidt"}, "mullerludenscheidt2026"),
        ({"family": "Łukasz ß"}, "ukaszss2026"),
        ("山田 太郎", "bench2026"),
        ("A lab", "a2026"),
    ],
)
def test_names_of_all_letters_give_a_key(author, key):
    assert bibtex(told(authors=[author])).startswith(f"@misc{{{key},")


def test_people_stand_in_each_document():
    people = [{**JANE, "affiliation": "Brown"}, "A lab"]
    details = told(authors=people, paper="10.1000/p", new_version_of="10.2000/v")
    counts = {"test": {"pairs": 2, "scenes": 1}}
    facts = ReleaseFacts(to="folder", steps=(step("split", seed=7),), counts=counts)
    attributes = datacite(facts, details)
    assert (
        attributes["creators"][0]["nameIdentifiers"][0]["nameIdentifierScheme"]
        == "ORCID"
    )
    assert attributes["creators"][1] == {"name": "A lab", "nameType": "Organizational"}
    related = [one["relationType"] for one in attributes["relatedIdentifiers"]]
    assert related == ["IsSupplementTo", "IsNewVersionOf"]
    assert "seed 7" in attributes["descriptions"][0]["description"]
    citation = citation_text(facts, details)
    assert (
        '"orcid": "https://orcid.org/0000-0002-1825-0097", "affiliation": "Brown"'
        in citation
    )
    assert "author = {Carberry, Josiah and {A lab}}" in bibtex(details)
    assert "title = {{Bench \\& more}}" in bibtex(details)


@pytest.mark.parametrize("name", sorted(ADDRESSES))
def test_the_text_of_a_licence_is_whole(name):
    text = licence_text(told(licence=name, authors=["A lab"]))
    assert text.startswith(f"SPDX-License-Identifier: {name}\n")
    assert len(text) > 1000
    assert (
        "<" not in text.replace(f"<{ADDRESSES[name]}>", "").split("WARRANTIES")[0][:400]
    )
    if name == "MIT":
        assert "Copyright (c) 2026 A lab" in text


@pytest.mark.parametrize("kind", ["LICENSES", "EXCEPTIONS"])
def test_every_licence_of_the_spdx_list_has_a_text(kind):
    names = [one["id"] for one in getattr(packaging.licenses._spdx, kind).values()]
    assert len(names) > 70
    for name in names:
        licence = f"MIT WITH {name}" if kind == "EXCEPTIONS" else name
        text = licence_text(told(licence=licence)).split(f"\n{name}\n\n")[1]
        assert len(text) > 100, name


def test_each_licence_of_several_has_its_text():
    both = licence_text(told(licence="CC-BY-4.0 OR MIT", authors=["A lab"]))
    assert both.startswith("SPDX-License-Identifier: CC-BY-4.0 OR MIT\n")
    assert "Creative Commons Attribution 4.0 International" in both
    assert "Copyright (c) 2026 A lab" in both
    other = licence_text(told(licence="BSD-3-Clause+", authors=["A lab"]))
    assert "Copyright (c) 2026 A lab." in other
    assert "Redistribution and use in source and binary forms" in other
    own = licence_text(
        told(licence="LicenseRef-Ours AND GPL-2.0-or-later", authors=["A lab"])
    )
    assert "LicenseRef-Ours.html" not in own
    assert "https://spdx.org/licenses/GPL-2.0-or-later.html" in own
    assert "A lab" not in own, "the copyright line of its appendix is an example"
    named = licence_text(
        told(licence="LicenseRef-Ours", licence_url="https://lab.org/terms")
    )
    assert named == "LicenseRef-Ours\n\nhttps://lab.org/terms\n"


@pytest.mark.parametrize(
    ("licence", "stated"),
    [
        ("CC-BY-NC-3.0", "CC-BY-NC-3.0"),
        ("Apache-2.0", "Apache-2.0"),
        ("CC-BY-4.0", "CC-BY-4.0"),
        ("CC-BY-4.0 AND CC-BY-NC-4.0", ""),
        ("CC-BY-4.0 AND LicenseRef-Ours", ""),
        ("LicenseRef-Ours", ""),
    ],
)
def test_documents_state_a_licence_or_none_but_no_other(licence, stated):
    facts = ReleaseFacts(to="folder")
    details = told(
        licence=licence, licence_url="" if stated else "https://lab.org/terms"
    )
    citation = citation_text(facts, details)
    assert (f'\nlicense: "{stated}"\n' in citation) == bool(stated)
    assert ('\nlicense-url: "https://lab.org/terms"\n' in citation) != bool(stated)
    (rights,) = datacite(facts, details)["rightsList"]
    assert rights.get("rightsIdentifier", "") == stated.lower()
    assert licence_address(licence).endswith(".html") == (
        stated not in {"", "CC-BY-4.0"}
    )
    licence_id = "cc-by-4.0" if licence == "CC-BY-4.0" else "other"
    assert hub_licence(licence) == licence_id


def test_what_curation_asked_for_is_told_in_words():
    text = steps_text(
        [step("curate", most_gain_ev=0.5, sharper=True), step("patches", edges=False)]
    )
    assert "most_gain_ev 0.5, the sharp picture must be the sharper one." in text
    assert "edges: no." in text
    assert "either picture may be the sharper one" in steps_text(
        [step("curate", sharper=False)]
    )


@pytest.mark.parametrize(
    "text",
    [
        "mit or (apache-2.0 WITH llvm-exception)", "GPL-2.0-or-later+", "(MIT)", "((MIT) AND isc)",
        "LicenseRef-Our-Lab and mit", "licenseref-a.b", "LicenseRef-ä", "LicenseRef-", "MIT OR",
        "OR MIT", "MIT ISC", "(MIT", "MIT)", "()", "MIT WITH ISC", "(MIT) WITH LLVM-exception",
        "MIT WITH", "MIT WITH LLVM-exception WITH LLVM-exception", "LLVM-exception", "with", "",
    ],
)  # fmt: skip
def test_an_expression_is_what_packaging_says(text):
    try:
        wanted = packaging.licenses.canonicalize_license_expression(text)
    except packaging.licenses.InvalidLicenseExpression:
        wanted = None
    assert canonical_expression(text) == wanted
