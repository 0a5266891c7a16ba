"""OpenPGP: a signature file is a detached signature over the statement, armored or not, as any bank's own gpg makes it.

Sequoia judges by today's date and policy: a certificate that is revoked or has ended, or a hash that is too weak, signs nothing.
"""

from collections.abc import Mapping
from pathlib import Path

from pysequoia import Cert, Sig, SignatureMode, Tsk, sign, verify

from connectors.bank.private_key import check_private_key
from hub.domain.errors import ConfigurationError
from hub.domain.signatures import Unfit


class OpenPgpSigner:
    """``hub.ports.Signer`` with a transferable secret key without a passphrase."""

    def __init__(self, path: Path) -> None:
        """ConfigurationError when others may use the file, or it holds no such key."""
        check_private_key(path, "signing_key")
        try:
            secret = Tsk.from_bytes(path.read_bytes())
            self._signer = secret.signer()
            self.key = _fingerprint(secret.extract_certificate())
        except (OSError, RuntimeError) as error:
            raise ConfigurationError(
                f"{path} holds no OpenPGP secret key that signs without a passphrase.",
                advice="Export one: gpg --armor --export-secret-keys <key>. For Ed25519 leave signature_scheme out.",
            ) from error

    def sign(self, statement: bytes) -> bytes:
        """The signature file, armored; another call gives another one."""
        return sign(self._signer, statement, mode=SignatureMode.DETACHED)


class OpenPgpVerifier:
    """``hub.ports.Verifier`` with certificates, one a file."""

    def __init__(self, files: Mapping[Path, bytes]) -> None:
        """``files``: contents by path. ConfigurationError for one that holds no certificate."""
        self._certificates = [_certificate(path, data) for path, data in files.items()]
        self.keys = [_fingerprint(each) for each in self._certificates]

    def signer_of(self, statement: bytes, signature: bytes) -> str | Unfit:
        """The certificate whose key signed: that of a subkey, too."""
        expected = f"a signature by {' or '.join(self.keys)} over this name and these bytes"
        try:
            made = Sig.from_bytes(signature)
        except RuntimeError:
            return Unfit(expected, "no detached OpenPGP signature")
        try:
            valid = verify(statement, store=lambda _ids: self._certificates, signature=made).valid_sigs
        except RuntimeError:
            valid = []
        by = {str(each.certificate).upper() for each in valid}
        found = next((key for key in self.keys if key in by), None)
        return found or Unfit(expected, f"one by {(made.issuer_fingerprint or 'nobody').upper()} that does not hold")


def _certificate(path: Path, data: bytes) -> Cert:
    try:
        return Cert.from_bytes(data)
    except RuntimeError as error:
        raise ConfigurationError(
            f"{path} holds no OpenPGP certificate.",
            advice="Ask the bank for it: gpg --armor --export <key>. For Ed25519 leave signature_scheme out.",
        ) from error


def _fingerprint(certificate: Cert) -> str:
    """As gpg prints it."""
    return certificate.fingerprint.upper()
