"""The review page of a dataset."""

from dataclasses import replace

from starlette.testclient import TestClient

from defocus.datasets.audit.members import Warned
from defocus.datasets.curation import read_decisions
from defocus.extras.pages.curation import make_page
from defocus.extras.pages.serving.feed import Feed
from tests.datasets.test_curation import curation

__all__ = ["curation"]


def test_the_page_shows_pairs_and_writes_decisions(curation):
    """The addresses that the page's script asks for."""
    token = "t" * 43
    warnings = (Warned("b", "frames", "two"), Warned("b", "orientation", "6 and 1"))
    curation = replace(curation, audit=replace(curation.audit, warnings=warnings))
    page = TestClient(
        make_page(curation, Feed(), token),
        base_url="http://127.0.0.1:80",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert 'class="review"' in page.get("/").text
    rows = page.get("/pairs").json()
    assert [(row["id"], row["verdict"]) for row in rows] == [
        ("a", "accept"),
        ("b", "reject"),
        ("c", "accept"),
    ]
    assert [row["seen"] for row in rows] == [False] * 3
    assert [row["warned"] for row in rows] == [False, True, False]
    assert [row["note"] for row in rows] == [
        "",
        "frames: two\norientation: 6 and 1",
        "",
    ]
    details = page.get("/pairs/b").json()
    assert details["measured"]["verdict"] == "reject"
    assert ["Misalignment, mean", "9.00 px"] in details["numbers"]
    assert details["settings"] == [["blurry", "blurry/b.png"], ["sharp", "sharp/b.png"]]
    thumb = page.get("/pictures/b/sharp/thumb")
    assert thumb.headers["content-type"] == "image/jpeg"
    assert (
        page.post("/do/accept", json={"pair": "b", "reason": "good"}).status_code == 202
    )
    assert page.get("/pairs").json()[1]["verdict"] == "accept"
    assert read_decisions(curation.out)["b"].reason == "good"
    assert [row["seen"] for row in page.get("/pairs").json()] == [False, True, False]
    assert ["Scene", "b"] in details["numbers"]
    for address in ("/pairs/x", "/pictures/x/sharp/thumb", "/pictures/b/truth/thumb"):
        assert page.get(address).status_code == 404
    assert page.post("/do/shoot", json={}).status_code == 404
    for refused in ({"pair": "x"}, {"pair": 1}, ["b"]):
        assert page.post("/do/reject", json=refused).status_code == 409
    page.headers.pop("Authorization")
    assert page.get("/pairs").status_code == 403
