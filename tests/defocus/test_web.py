"""What web servers answer: redirections, promises that are not kept, addresses that are none."""

from http.server import BaseHTTPRequestHandler

import pytest

from defocus.web import WebError, answer_of, blocks_of
from tests.web_server import serving


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        place = self.path.strip("/")
        if place.startswith("to-"):
            self.send_response(302)
            self.send_header(
                "Location", {"to-file": "file:///etc/passwd"}.get(place, "/whole")
            )
            self.end_headers()
            return
        self.send_response(404 if place == "none" else 200)
        if place == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"4\r\nabcd\r\n")  # and no end
            return
        content = f"{self.headers['Range']} {self.headers['User-Agent']}".encode()
        self.send_header("Content-Length", str(len(content) + (place == "short")))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture(scope="module")
def address():
    with serving(Handler) as at:
        yield at


def content_of(address: str) -> bytes:
    with answer_of(address, 5, {"Range": "bytes=3-"}) as answer:
        return b"".join(blocks_of(answer))


def test_the_scheme_of_an_address_has_no_case(address):
    assert content_of(address.replace("http", "HTTP")).startswith(b"bytes=3- ")


def test_a_redirection_is_followed_with_the_range(address):
    assert content_of(f"{address}/to-whole").startswith(b"bytes=3- defocus/")


@pytest.mark.parametrize(
    ("place", "reason", "status", "passing"),
    [
        ("/short", r"cut after \d+ of \d+ bytes", 0, True),
        ("/chunked", "IncompleteRead", 0, True),
        ("/none", "404 Not Found", 404, False),
        ("/to-file", "302 ", 302, False),
        (":a/", "nonnumeric port", 0, True),
    ],
)
def test_what_fails_has_a_reason(address, place, reason, status, passing):
    base = "http://127.0.0.1" if place[0] == ":" else address
    with pytest.raises(WebError, match=reason) as caught:
        content_of(base + place)
    assert (caught.value.status, caught.value.passing) == (status, passing)
    assert "\n" not in str(caught.value)


def test_other_addresses_and_closed_ports_are_said(refused):
    with refused(WebError):
        content_of("file:///etc/passwd")
    with refused(WebError) as caught:
        content_of("http://127.0.0.1:9/")
    assert caught.value.passing
