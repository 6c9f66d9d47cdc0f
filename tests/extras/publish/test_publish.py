"""Drafts on servers of this test: what arrives, what is never sent, that nothing is published."""

import hashlib
import io
import json
import shutil
import tarfile
from base64 import b64decode
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from defocus.datasets.checksums import folder_hashes, write_checksums
from defocus.datasets.differences import verify_folder
from defocus.datasets.release.details import Details, NamedPerson
from defocus.datasets.release.facts import ReleaseFacts
from defocus.errors import DatasetError, DefocusError, InputError
from defocus.extras.publish.draft import Draft, ready_release, require_safe_address
from defocus.extras.publish.zenodo import (
    archive_name,
    draft_on_zenodo,
    write_archive,
    zenodo_metadata,
)
from tests.datasets.conftest import package_noise
from tests.datasets.test_release_facts import told
from tests.web_server import serving

TOKEN = "canary-4711"
DOI = "10.5072/zenodo.1"
JANE = NamedPerson(
    given="Jane", family="Doe", orcid="0000-0002-1825-0097", affiliation="A lab"
)
DETAILS = Details(
    title="Noise",
    authors=(JANE, "A lab"),
    licence="CC-BY-4.0",
    faces="none",
    date="2026-11-20",
    paper="10.1000/paper",
    new_version_of="10.5072/zenodo.0",
)
DOCUMENTS = {
    "README.md",
    "croissant.json",
    "CITATION.cff",
    "datacite.json",
    "release.json",
}
SUMS = {"manifest-sha256.txt", "tagmanifest-sha256.txt"}


@dataclass
class Server:
    """What a server saw.

    Attributes:
        address: Its own.
        asked: Method and path of each request.
        files: What was sent, by name.
        metadata: Of the draft.
        public: Whether it was published.
        busy: Requests that it answers with "too many requests" before others.
        corrupt: Whether it stores other bytes.
        elsewhere: Whether it wants files sent to another host.
        status: Of all answers, where it is not 200.
        keeps: Whether it refuses to remove a draft.
        broken: Whether it refuses commits.
    """

    address: str = ""
    asked: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    public: bool = False
    busy: int = 0
    corrupt: bool = False
    elsewhere: bool = False
    status: int = 200
    keeps: bool = False
    broken: bool = False

    def answer(self, method: str, path: str, body: bytes) -> dict[str, Any]:
        """Both interfaces: Zenodo's deposits and the hub's repositories."""
        match method, path.split("?")[0].split("/"):
            case "POST", ["", "api", "deposit", "depositions"]:
                host = "http://127.0.0.1:9" if self.elsewhere else self.address
                links = {
                    "bucket": f"{host}/api/files/b",
                    "html": f"{self.address}/deposit/1",
                }
                return {
                    "id": 1,
                    "links": links,
                    "metadata": {"prereserve_doi": {"doi": DOI}},
                }
            case "PUT", ["", "api", "files", "b", name]:
                self.files[name] = body
                digest = hashlib.md5(
                    body + b"x" * self.corrupt, usedforsecurity=False
                ).hexdigest()
                return {"checksum": f"md5:{digest}"}
            case "PUT", ["", "api", "deposit", "depositions", "1"]:
                self.metadata = json.loads(body)["metadata"]
                assert {"upload_type", "title", "creators", "description"} <= set(
                    self.metadata
                )
                return {"id": 1, "metadata": self.metadata}
            case "POST", [
                "",
                "api",
                "deposit",
                "depositions",
                "1",
                "actions",
                "publish",
            ]:
                assert self.files
                assert self.metadata["doi"] == DOI
                self.public = True
                return {"doi": DOI}
            case "POST", ["", "api", "repos", "create"]:
                self.metadata = json.loads(body)
                return {"url": f"{self.address}/datasets/lab/noise"}
            case "POST", ["", "api", "validate-yaml"]:
                return {"errors": [], "warnings": []}
            case "POST", ["", "api", "datasets", "lab", "noise", "preupload", "main"]:
                names = [one["path"] for one in json.loads(body)["files"]]
                mode = {"uploadMode": "regular", "shouldIgnore": False, "oid": None}
                return {"files": [{"path": name, **mode} for name in names]}
            case "POST", ["", "api", "datasets", "lab", "noise", "commit", "main"]:
                for line in map(json.loads, body.splitlines()):
                    if line["key"] == "file":
                        self.files[line["value"]["path"]] = b64decode(
                            line["value"]["content"]
                        )
                return {"commitUrl": f"{self.address}/c/1", "commitOid": "1" * 40}
            case "PUT", ["", "api", "datasets", "lab", "noise", "settings"]:
                self.public = json.loads(body)["visibility"] == "public"
                return {}
        raise AssertionError(f"{method} {path}")


@pytest.fixture
def server():
    seen = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Transfer-Encoding") == "chunked":
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            assert self.headers["Authorization"] == f"Bearer {TOKEN}"
            seen.asked.append(f"{self.command} {self.path}")
            refused = seen.keeps and self.command == "DELETE"
            refused |= seen.broken and "/commit/" in self.path
            status, content = 403 if refused else seen.status, b"{}"
            if seen.busy:
                seen.busy -= 1
                status = 429
            elif status == 200 and self.command == "DELETE":
                seen.files.clear()
            elif status == 200:
                content = json.dumps(
                    seen.answer(self.command, self.path, body)
                ).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = respond  # noqa: N815 - the base class's names

    with serving(Handler) as seen.address:
        yield seen


@pytest.fixture(scope="module")
def whole(tmp_path_factory, cache_folder):
    return package_noise(tmp_path_factory.mktemp("whole"), DETAILS)


@pytest.fixture
def release(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "noise"))


def test_a_draft_on_zenodo_has_every_byte_and_is_not_published(
    run, release, server, tmp_path
):
    arguments = (
        "publish",
        release,
        "--to",
        "zenodo",
        "--endpoint",
        server.address,
        "--json",
    )
    result = run("defocus-data", *arguments, ZENODO_TOKEN=TOKEN)
    assert result.returncode == 0, result.stderr
    assert TOKEN not in result.stdout + result.stderr
    deposit = {
        "id": 1,
        "url": f"{server.address}/deposit/1",
        "published": False,
        "doi": DOI,
    }
    assert json.loads(result.stdout) == deposit
    assert not server.public
    assert not [address for address in server.asked if "publish" in address]
    beside = {"README.md", "croissant.json", "CITATION.cff"}
    assert set(server.files) == {"noise-1.0.0.tar", *beside}
    with tarfile.open(fileobj=io.BytesIO(server.files["noise-1.0.0.tar"])) as archive:
        archive.extractall(tmp_path / "back", filter="data")
    back = tmp_path / "back/noise-1.0.0"
    assert verify_folder(back).ok
    mine, theirs = folder_hashes(release), folder_hashes(back)
    assert {name for name in mine if mine[name] != theirs[name]} == DOCUMENTS | SUMS
    for name in (*beside, "datacite.json"):
        assert DOI in (back / name).read_text()
        assert DOI not in (release / name).read_text()
    assert server.files["README.md"] == (back / "README.md").read_bytes()
    jane = {"name": "Doe, Jane", "orcid": JANE.orcid, "affiliation": "A lab"}
    assert server.metadata["license"] == "cc-by-4.0"
    assert server.metadata["creators"] == [jane, {"name": "A lab"}]
    assert server.metadata["related_identifiers"] == [
        {"relation": "isSupplementTo", "identifier": "10.1000/paper"},
        {"relation": "isNewVersionOf", "identifier": "10.5072/zenodo.0"},
    ]
    public = run("defocus-data", *arguments, "--publish", ZENODO_TOKEN=TOKEN)
    assert json.loads(public.stdout)["doi"] == DOI
    assert server.public


def test_a_dry_run_judges_all_and_sends_nothing(run, release, server):
    arguments = (
        "publish",
        release,
        "--to",
        "zenodo",
        "--endpoint",
        server.address,
        "--dry-run",
    )
    result = run("defocus-data", *arguments, "--json", ZENODO_TOKEN="")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["metadata"]["creators"][0]["orcid"] == JANE.orcid
    assert set(document["files"]) == {
        "noise-1.0.0.tar",
        "README.md",
        "croissant.json",
        "CITATION.cff",
    }
    hub = (
        "--to",
        "huggingface",
        "--endpoint",
        server.address,
        "--dry-run",
        "--repository",
    )
    named = run("defocus-data", "publish", release, *hub, "lab/noise", HF_TOKEN="")
    assert named.stdout.endswith("nothing was sent\n")
    wrong = run("defocus-data", "publish", release, *hub, "lab noise", HF_TOKEN="")
    assert "no OWNER/NAME" in wrong.stderr
    (release / "LICENSE").write_text("other")
    damaged = run("defocus-data", *arguments, ZENODO_TOKEN="")
    assert "LICENSE is changed" in damaged.stderr
    assert (wrong.returncode, damaged.returncode) == (2, 2)
    assert server.asked == []


def test_the_archive_of_a_release_is_always_the_same(release, tmp_path):
    draft = ready_release(release)
    hashes = []
    for name in ("one", "two"):
        path = tmp_path / name / archive_name(draft)
        path.parent.mkdir()
        write_archive(draft, path)
        hashes.append(hashlib.sha256(path.read_bytes()).hexdigest())
        (release / "README.md").touch()
    assert hashes[0] == hashes[1]


def test_a_hub_that_fails_in_the_middle_keeps_what_it_had(
    run, release, server, tmp_path
):
    server.broken = True
    arguments = (
        "publish",
        release,
        "--to",
        "huggingface",
        "--endpoint",
        server.address,
    )
    environment = {"HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path / "hf")}
    result = run("defocus-data", *arguments, "--repository", "lab/noise", **environment)
    assert result.returncode == 1
    assert "lab/noise is there and stays as it was; the same command" in result.stderr
    assert server.files == {}


def test_a_draft_on_the_hub_is_private(run, release, server, tmp_path):
    arguments = (
        "publish",
        release,
        "--to",
        "huggingface",
        "--endpoint",
        server.address,
    )
    environment = {"HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path / "hf")}
    missing = run("defocus-data", *arguments, **environment)
    assert missing.returncode == 2
    result = run("defocus-data", *arguments, "--repository", "lab/noise", **environment)
    assert result.returncode == 0, result.stderr
    assert TOKEN not in result.stdout + result.stderr
    assert server.metadata["visibility"] == "private"
    assert not server.public
    sent = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in server.files.items()
    }
    assert sent == folder_hashes(release)
    run(
        "defocus-data",
        *arguments,
        "--repository",
        "lab/noise",
        "--publish",
        **environment,
    )
    assert server.public


def test_a_busy_server_is_asked_again(release, server, refused):
    server.busy = 3
    draft_on_zenodo(ready_release(release), server.address, TOKEN, publish=False)
    assert len(server.files) == 4
    server.busy = 99
    with refused(DefocusError):
        draft_on_zenodo(ready_release(release), server.address, TOKEN, publish=False)


def test_other_bytes_and_other_hosts_are_refused(release, server, capsys, refused):
    draft = ready_release(release)
    server.corrupt = True
    with refused(DefocusError):
        draft_on_zenodo(draft, server.address, TOKEN, publish=True)
    assert server.asked[-1] == "DELETE /api/deposit/depositions/1"
    assert server.files == {}
    assert "the unfinished draft is removed" in capsys.readouterr().err
    server.keeps = True
    with refused(DefocusError):
        draft_on_zenodo(draft, server.address, TOKEN, publish=True)
    assert (
        f"{server.address}/deposit/1: unfinished; remove it there"
        in capsys.readouterr().err
    )
    server.corrupt, server.elsewhere = False, True
    with refused(DefocusError):
        draft_on_zenodo(draft, server.address, TOKEN, publish=True)
    assert not server.public
    server.status = 401
    with refused(DefocusError):
        draft_on_zenodo(draft, server.address, TOKEN, publish=True)
    with pytest.raises(DefocusError, match="cannot be reached"):
        draft_on_zenodo(draft, "http://127.0.0.1:9", TOKEN, publish=True)


def resealed(release: Path) -> Path:
    """A release that somebody changed and gave new checksums."""
    hashes = folder_hashes(release)
    write_checksums(
        release, {k: v for k, v in hashes.items() if not k.endswith("sha256.txt")}
    )
    return release


def test_what_must_not_be_given_away_is_not_sent(run, release, server):
    arguments = ("publish", release, "--to", "zenodo", "--endpoint", server.address)
    document = json.loads((release / "manifest.json").read_text())
    text = json.dumps({**document, "source": "dpdd"}, indent=1, sort_keys=True) + "\n"
    (release / "manifest.json").write_text(text)
    damaged = run("defocus-data", *arguments, ZENODO_TOKEN=TOKEN)
    assert "manifest.json is changed" in damaged.stderr
    resealed(release)
    others = run("defocus-data", *arguments, ZENODO_TOKEN=TOKEN)
    assert "may not be given to others" in others.stderr
    assert run("defocus-data", *arguments, ZENODO_TOKEN="").returncode == 2
    assert (damaged.returncode, others.returncode) == (2, 2)
    assert server.asked == []


@pytest.mark.parametrize("key", ["licence", "authors", "faces"])
def test_what_the_card_does_not_say_is_asked_for(release, key, refused):
    document = json.loads((release / "release.json").read_text())
    del document["details"][key]
    (release / "release.json").write_text(json.dumps(document))
    with refused(DatasetError):
        ready_release(resealed(release))


@pytest.mark.parametrize(
    "address",
    [
        "http://zenodo.org",
        "ftp://x",
        "https://user:pw@zenodo.org",
        "https://x?token=1",
        "zenodo.org",
    ],
)
def test_addresses_that_would_show_the_token_are_refused(address):
    with pytest.raises(InputError) as refused:
        require_safe_address(address)
    assert "pw" not in str(refused.value)
    assert require_safe_address("https://zenodo.org/") == "https://zenodo.org"


@pytest.mark.parametrize(
    ("licence", "stated"),
    [("CC-BY-4.0", "cc-by-4.0"), ("CC-BY-4.0 AND CC-BY-NC-4.0", "other-closed")],
)
def test_a_draft_states_a_licence_or_none_but_no_other(licence, stated):
    details = told(
        licence=licence,
        licence_url="" if stated == "cc-by-4.0" else "https://lab.org/terms",
    )
    draft = Draft(Path(), (), ReleaseFacts(to="folder"), details)
    assert zenodo_metadata(draft)["license"] == stated
