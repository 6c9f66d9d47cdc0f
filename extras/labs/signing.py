"""Ed25519 keys and signatures of submissions."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.errors import InputError, storage_error
from defocus.extra_packages import require
from defocus.storage.files import make_folder, write_new_private

if TYPE_CHECKING:  # imported when something is signed
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_CONTEXT = b"defocus-submission-v1\n"
"""Bytes in front of what is signed, so that the signature is valid for nothing else."""


def default_key_file() -> Path:
    """File of the key if none is given: ``signing-key`` in the user's settings folder."""
    settings = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    return settings / "defocus" / "signing-key"


def signing_key(path: Path | None = None) -> "Ed25519PrivateKey":
    """The private key in a file; without a file given, that of the user, made on first use.

    An Ed25519 key without a passphrase, as ``ssh-keygen -t ed25519`` writes it."""
    require("cryptography", "labs")
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    place = path or default_key_file()
    if path is None and not place.exists():
        return _new_key(place)
    try:
        key = load_ssh_private_key(place.read_bytes(), password=None)
    except OSError as error:
        raise InputError(
            f"{place}: cannot be read ({error.strerror}); check --key"
        ) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(
            f"{place}: no Ed25519 key without passphrase ({error})"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(
            f"{place}: another kind of key; make one with ssh-keygen -t ed25519"
        )
    return key


def _new_key(place: Path) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = Ed25519PrivateKey.generate()
    content = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    make_folder(place.parent)
    try:
        write_new_private(place, content)
    except FileExistsError:  # another process was first
        return signing_key(place)
    except OSError as error:
        raise storage_error(error, place) from error
    return key


def public_key(key: "Ed25519PrivateKey") -> str:
    """The public key, 64 hexadecimal digits."""
    return key.public_key().public_bytes_raw().hex()


def signature_of(content: bytes, key: "Ed25519PrivateKey") -> str:
    """Signature of a text, 128 hexadecimal digits."""
    return key.sign(_CONTEXT + content).hex()


def is_signed(content: bytes, signature: str, key: str) -> bool:
    """Whether a signature is that of a text by a public key; malformed ones are not."""
    require("cryptography", "labs")
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        public.verify(bytes.fromhex(signature), _CONTEXT + content)
    except (ValueError, InvalidSignature):
        return False
    return True
