"""How a simulated bank signs its answers and checks the hub's requests: written from ``docs/banks/signatures.md`` alone.

It shares no line with the hub, or one mistake would agree with itself.
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
    load_ssh_public_key,
)
from pysequoia import Cert, Sig, SignatureMode, Tsk, sign, verify

from simulators.bank_work import refuse_unless


class Signing(Protocol):
    """A bank's own key, and the hub's public one."""

    def sign(self, name: str, data: bytes) -> bytes:
        """What goes into ``<name>.sig``."""
        ...

    def check(self, name: str, data: bytes, signature: bytes) -> None:
        """Raises UnusableRequestError unless the hub has signed a request of this name and these bytes."""
        ...


def told(name: str, data: bytes) -> bytes:
    """The two lines that are signed."""
    return b"settlement-file-signature 1\n%d %s %s\n" % (len(data), sha256(data).hexdigest().encode(), name.encode())


@dataclass(frozen=True, slots=True)
class Ed25519Signing:
    """Keys as ``ssh-keygen`` writes them."""

    private: Path
    public_of_hub: Path

    def sign(self, name: str, data: bytes) -> bytes:
        """As the protocol says."""
        key = cast(Ed25519PrivateKey, load_ssh_private_key(self.private.read_bytes(), password=None))
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        return b"%s %s\n" % (_fingerprint(public), b64encode(key.sign(told(name, data))))

    def check(self, name: str, data: bytes, signature: bytes) -> None:
        """As the protocol says."""
        public = self.public_of_hub.read_bytes()
        key = cast(Ed25519PublicKey, load_ssh_public_key(public))
        by, _, made = signature.partition(b" ")
        refuse_unless(by == _fingerprint(public), name, f"signed by {by!r}, a key the bank does not know")
        refuse_unless(made.endswith(b"\n") and len(made) == 89, name, "the signature is no line of base64")
        try:
            key.verify(b64decode(made), told(name, data))
        except InvalidSignature:
            refuse_unless(False, name, "the signature does not fit the bytes")


@dataclass(frozen=True, slots=True)
class OpenPgpSigning:
    """Keys as ``gpg --export-secret-keys`` and ``gpg --export`` write them."""

    private: Path
    public_of_hub: Path

    def sign(self, name: str, data: bytes) -> bytes:
        """As the protocol says."""
        return sign(
            Tsk.from_bytes(self.private.read_bytes()).signer(), told(name, data), mode=SignatureMode.DETACHED
        )  # fmt: skip

    def check(self, name: str, data: bytes, signature: bytes) -> None:
        """As the protocol says."""
        known = Cert.from_bytes(self.public_of_hub.read_bytes())
        try:
            verify(told(name, data), store=lambda _: [known], signature=Sig.from_bytes(signature))
        except RuntimeError:
            refuse_unless(False, name, "the signature does not fit the bytes")


SIGNINGS: dict[str, type[Ed25519Signing] | type[OpenPgpSigning]] = {
    "ed25519": Ed25519Signing,
    "openpgp": OpenPgpSigning,
}


def exchange_keys(scheme: str, folder: Path, code: str) -> tuple[Signing, str]:
    """Makes a pair for the hub and one for a bank in ``folder``: the bank's signing, and what ``[[banks]]`` has to say."""
    folder.mkdir(parents=True, exist_ok=True)
    ours, theirs = folder / f"{code}-hub", folder / f"{code}-bank"
    for private in (ours, theirs):
        new_pair(scheme, private)
    text = (
        f'signature = "required"\nsignature_scheme = "{scheme}"\nsigning_key = "{ours}"\n'
        f'verify_keys = ["{theirs}.pub"]\n'
    )
    return SIGNINGS[scheme](theirs, ours.with_name(f"{ours.name}.pub")), text


def new_pair(scheme: str, private: Path) -> None:
    """A private key, for its owner alone, and beside it the public one as ``<private>.pub``."""
    if scheme == "openpgp":
        secret = Tsk.generate(f"{private.name} <{private.name}@example.org>")
        made, public = str(secret).encode(), str(secret.extract_certificate()).encode()
    else:
        key = Ed25519PrivateKey.generate()
        made = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    private.unlink(missing_ok=True)
    private.touch(mode=0o600)
    private.write_bytes(made)
    beside = private.with_name(f"{private.name}.pub")
    beside.write_bytes(public)
    beside.chmod(0o644)


def _fingerprint(public: bytes) -> bytes:
    return b"SHA256:" + b64encode(sha256(b64decode(public.split()[1])).digest()).rstrip(b"=")
