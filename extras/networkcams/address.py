"""Addresses of network cameras, and where their passwords come from."""

import os
import sys
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from defocus.capture.links.back_ends import SECRET, redacted
from defocus.errors import InputError
from defocus.settings import Settings, parse_settings

S = TypeVar("S", bound=Settings)


PASSWORD_VARIABLE = "DEFOCUS_CAPTURE_PASSWORD"  # noqa: S105 - the name of a variable, no password


@dataclass(frozen=True)
class NetworkAddress:
    """An address such as ``onvif://admin@192.168.1.20:8080?profile=0``, without password."""

    uri: str
    scheme: str
    user: str  # user for the login; empty for none
    host: str
    port: int | None  # port; None for the default of the scheme
    path: str
    query: str

    @classmethod
    def parse(cls, uri: str) -> "NetworkAddress":
        """Parse an address; one with a password is refused, and the message does not repeat it."""
        try:
            parts = urlsplit(uri)
            host, port, user, secret = parts.hostname, parts.port, parts.username, parts.password
        except ValueError as error:
            raise InputError(
                f"camera address '{redacted(uri)}': its host or port is impossible; correct it"
            ) from error
        names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
        if secret is not None or any(map(SECRET.match, names)):
            raise InputError(
                f"camera address '{redacted(uri)}' holds a password, which would be stored with "
                f"the session; leave it out and put it into the variable {PASSWORD_VARIABLE}"
            )
        if not host or parts.fragment:
            scheme = parts.scheme
            raise InputError(f"camera address '{redacted(uri)}': write {scheme}://user@host/…")
        return cls(uri, parts.scheme, user or "", host, port, parts.path, parts.query)

    def options(self, kind: type[S]) -> S:
        """The options after the question mark, as settings of one kind."""
        pairs = parse_qsl(self.query, keep_blank_values=True)
        return parse_settings(kind, dict(pairs), origin=f"camera address '{redacted(self.uri)}'")

    @property
    def host_and_port(self) -> str:
        """Host and port in the form of an address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address without the user."""
        return urlunsplit((self.scheme, self.host_and_port, self.path, self.query, ""))


def password_of(address: NetworkAddress) -> str:
    """The password of an address's user, from the environment or the terminal; empty for none."""
    if not address.user:
        return ""
    password = os.environ.get(PASSWORD_VARIABLE)
    if password is not None:
        return password
    if not sys.stdin.isatty():
        raise InputError(
            f"{address.uri}: no password for '{address.user}'; set the variable {PASSWORD_VARIABLE}"
        )
    import click

    answer: str = click.prompt(
        f"password of {address.user} at {address.host}", hide_input=True, err=True
    )
    return answer
