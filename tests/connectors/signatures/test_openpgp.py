"""OpenPGP signature files: those of GnuPG 2.2, made beforehand, and those of our own, read and made by Sequoia."""

from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pysequoia import Cert, Tsk

from connectors.signatures import signer, verifier
from hub.domain.errors import ConfigurationError
from hub.domain.signatures import Scheme, Unfit, statement
from simulators.bank_signing import OpenPgpSigning, new_pair
from simulators.bank_work import UnusableRequestError

GOLDEN = Path(__file__).parents[2] / "golden" / "signatures"
NAME, DATA = "HD_ICBC_20261203_0001.txt", b"example\n"
BY_GPG = {
    "ed25519, armored": ("bank-of-gpg.asc", "ed25519-by-gpg.sig"),
    "rsa, a subkey, binary": ("bank-of-gpg-rsa.pgp", "rsa-subkey-by-gpg.sig"),
}


def stated(name: str = NAME, data: bytes = DATA) -> bytes:
    return statement(name, len(data), sha256(data).hexdigest())


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A secret key; its certificate is beside it."""
    private = tmp_path_factory.mktemp("keys") / "bank"
    new_pair("openpgp", private)
    return private


def public(private: Path) -> Path:
    return private.with_name(f"{private.name}.pub")


@pytest.mark.parametrize(("certificate", "signature"), BY_GPG.values(), ids=BY_GPG)
def test_what_gpg_has_signed_is_taken(certificate: str, signature: str) -> None:
    known = verifier(Scheme.OPENPGP, [GOLDEN / certificate])
    made = (GOLDEN / signature).read_bytes()
    assert known.signer_of(stated(), made) == known.keys[0]
    assert isinstance(known.signer_of(stated("HD_ICBC_20261203_0002.txt"), made), Unfit)
    assert isinstance(known.signer_of(stated(data=b"Example\n"), made), Unfit)


def test_a_signature_by_an_unknown_key_is_not_taken() -> None:
    known = verifier(Scheme.OPENPGP, [GOLDEN / "bank-of-gpg.asc"])
    found = known.signer_of(stated(), (GOLDEN / "rsa-subkey-by-gpg.sig").read_bytes())
    assert isinstance(found, Unfit)
    assert known.keys[0] in found.expected


def test_old_and_new_certificates_are_known_side_by_side() -> None:
    known = verifier(Scheme.OPENPGP, [GOLDEN / certificate for certificate, _ in BY_GPG.values()])
    found = [known.signer_of(stated(), (GOLDEN / signature).read_bytes()) for _, signature in BY_GPG.values()]
    assert found == known.keys


def test_a_bank_that_read_the_paper_and_the_hub_understand_each_other(pair: Path, tmp_path: Path) -> None:
    new_pair("openpgp", tmp_path / "hub")
    bank = OpenPgpSigning(pair, public(tmp_path / "hub"))
    known = verifier(Scheme.OPENPGP, [public(pair)])
    assert known.signer_of(stated(), bank.sign(NAME, DATA)) == known.keys[0]
    request = signer(Scheme.OPENPGP, tmp_path / "hub").sign(stated())
    bank.check(NAME, DATA, request)
    with pytest.raises(UnusableRequestError):
        bank.check(NAME, b"Example\n", request)


@settings(deadline=None)  # the machine may be busy
@given(data=st.data())
def test_a_changed_bit_of_file_or_name_is_never_taken(data: st.DataObject) -> None:
    """The signature's own encoding has bits that mean nothing, such as its armor's; what is signed has none."""
    file = {"name": NAME.encode(), "data": DATA}
    where = data.draw(st.sampled_from(sorted(file)))
    bit = data.draw(st.integers(0, 8 * len(file[where]) - 1))
    changed = bytearray(file[where])
    changed[bit // 8] ^= 1 << bit % 8
    file[where] = bytes(changed)
    name = file["name"].decode("latin-1")
    if "\n" in name:
        return  # no name of a file that anybody lists
    known = verifier(Scheme.OPENPGP, [GOLDEN / "bank-of-gpg.asc"])
    made = (GOLDEN / "ed25519-by-gpg.sig").read_bytes()
    assert isinstance(known.signer_of(stated(name, file["data"]), made), Unfit)


@settings(deadline=None)  # the machine may be busy
@given(data=st.data())
def test_a_changed_bit_of_a_signature_neither_breaks_off_nor_makes_another_signer(data: st.DataObject) -> None:
    known = verifier(Scheme.OPENPGP, [GOLDEN / "bank-of-gpg-rsa.pgp"])
    made = bytearray((GOLDEN / "rsa-subkey-by-gpg.sig").read_bytes())
    bit = data.draw(st.integers(0, 8 * len(made) - 1))
    made[bit // 8] ^= 1 << bit % 8
    found = known.signer_of(stated(), bytes(made))
    assert isinstance(found, Unfit) or found == known.keys[0]
    assert isinstance(known.signer_of(stated(data=b"Example\n"), bytes(made)), Unfit)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_junk_is_no_signature(junk: bytes) -> None:
    known = verifier(Scheme.OPENPGP, [GOLDEN / "bank-of-gpg.asc"])
    assert isinstance(known.signer_of(stated(), junk), Unfit)


def test_a_revoked_certificate_signs_nothing(pair: Path, tmp_path: Path) -> None:
    made = signer(Scheme.OPENPGP, pair).sign(stated())
    secret = Tsk.from_bytes(pair.read_bytes())
    certificate = secret.extract_certificate()
    revoked = Cert.from_bytes(bytes(certificate) + bytes(certificate.revoke(secret.certifier())))
    (tmp_path / "revoked.pub").write_bytes(bytes(revoked))
    (tmp_path / "revoked.pub").chmod(0o644)
    assert verifier(Scheme.OPENPGP, [public(pair)]).signer_of(stated(), made) == certificate.fingerprint.upper()
    assert isinstance(verifier(Scheme.OPENPGP, [tmp_path / "revoked.pub"]).signer_of(stated(), made), Unfit)


def test_files_that_hold_no_such_key_are_named(pair: Path, tmp_path: Path) -> None:
    junk = tmp_path / "junk"
    junk.touch(mode=0o600)
    junk.write_bytes(b"junk")
    for file in (junk, public(pair)):
        file.chmod(0o600)
        with pytest.raises(ConfigurationError, match="no OpenPGP secret key"):
            signer(Scheme.OPENPGP, file)
    with pytest.raises(ConfigurationError, match="no OpenPGP certificate"):
        verifier(Scheme.OPENPGP, [junk])
    pair.chmod(0o644)
    try:
        with pytest.raises(ConfigurationError, match="mode 0644"):
            signer(Scheme.OPENPGP, pair)
    finally:
        pair.chmod(0o600)
