"""What a test sees of the offline GitHub, and the App's key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@dataclass(frozen=True)
class AppKey:
    """A GitHub App of this run."""

    id: int
    slug: str
    private_key: str
    public_key: str


@dataclass(frozen=True)
class Dispatch:
    """A workflow that somebody started."""

    repository: str
    workflow: str
    ref: str
    inputs: Mapping[str, str]
    by: str


@dataclass(frozen=True)
class Violation:
    """An exchange that breaks GitHub's description; `kind` says whose fault: request, response, proxy or unknown."""

    kind: str
    method: str
    path: str
    message: str


@dataclass(frozen=True)
class Call:
    """A call of the API; `fault` is the pattern of an injected fault that it met."""

    method: str
    path: str
    query: str
    status: int
    fault: str | None = None


@dataclass(frozen=True)
class Comment:
    """A comment as GitHub has it now."""

    id: int
    author: str
    body: str
    edits: int


def make_app_key(app_id: int = 4242, slug: str = "take-home-grader") -> AppKey:
    """Make the key pair of an App, as GitHub does when one is registered."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return AppKey(app_id, slug, private.decode(), public.decode())
