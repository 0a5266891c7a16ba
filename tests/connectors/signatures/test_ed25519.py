"""Ed25519 signature files: the published example, one form of a line, and no bit that could be another."""

import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.signatures import signer, verifier
from hub.domain.errors import ConfigurationError
from hub.domain.signatures import Scheme, Unfit, statement
from simulators.bank_signing import Ed25519Signing, new_pair
from simulators.bank_work import UnusableRequestError
from tests.sshd import fingerprint_of, make_key

SECRET = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
"""Of the first test of RFC 8032, section 7.1."""
NAME, DATA = "HD_ICBC_20261203_0001.txt", b"example\n"
FOR_BANKS = Path(__file__).parents[3] / "docs" / "banks" / "signatures.md"


def stated(name: str = NAME, data: bytes = DATA) -> bytes:
    return statement(name, len(data), sha256(data).hexdigest())


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key; its public one is beside it."""
    private = tmp_path_factory.mktemp("keys") / "bank"
    new_pair("ed25519", private)
    return private


def public(private: Path) -> Path:
    return private.with_name(f"{private.name}.pub")


def test_the_example_for_banks_is_what_the_hub_writes_and_takes(tmp_path: Path) -> None:
    """docs/banks/signatures.md: key, statement and signature file, to the letter."""
    told = FOR_BANKS.read_text("utf-8")
    key = Ed25519PrivateKey.from_private_bytes(SECRET)
    private = tmp_path / "bank"
    private.touch(mode=0o600)
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    public(private).write_bytes(line)
    made = signer(Scheme.ED25519, private)
    written = made.sign(stated())
    assert all(f"{each}\n" in told for each in stated().decode().splitlines())
    for part in (private.read_text("ascii"), line.decode(), written.decode()):
        assert part in told
    assert verifier(Scheme.ED25519, [public(private)]).signer_of(stated(), written) == made.key


@pytest.mark.parametrize("form", ["ssh-keygen", "PEM"])
def test_keys_are_taken_as_banks_have_them(tmp_path: Path, form: str) -> None:
    private = tmp_path / "key"
    if form == "ssh-keygen":
        make_key(private)
        assert signer(Scheme.ED25519, private).key == fingerprint_of(public(private))
    else:
        key = Ed25519PrivateKey.generate()
        private.touch(mode=0o600)
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public(private).write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    ours = signer(Scheme.ED25519, private)
    theirs = verifier(Scheme.ED25519, [public(private)])
    assert theirs.signer_of(stated(), ours.sign(stated())) == ours.key


def test_a_bank_that_read_the_paper_and_the_hub_understand_each_other(pair: Path, tmp_path: Path) -> None:
    new_pair("ed25519", tmp_path / "hub")
    bank = Ed25519Signing(pair, public(tmp_path / "hub"))
    assert verifier(Scheme.ED25519, [public(pair)]).signer_of(stated(), bank.sign(NAME, DATA)) == fingerprint_of(
        public(pair)
    )
    request = signer(Scheme.ED25519, tmp_path / "hub").sign(stated())
    bank.check(NAME, DATA, request)
    for name, data in ((NAME, b"Example\n"), ("HD_ICBC_20261203_0002.txt", DATA)):
        with pytest.raises(UnusableRequestError):
            bank.check(name, data, request)


def test_the_same_file_is_signed_with_the_same_bytes(pair: Path) -> None:
    assert signer(Scheme.ED25519, pair).sign(stated()) == signer(Scheme.ED25519, pair).sign(stated())


@settings(deadline=None)  # the machine may be busy
@given(data=st.data())
def test_a_changed_bit_of_file_name_or_signature_is_never_taken(pair: Path, data: st.DataObject) -> None:
    content = data.draw(st.binary(min_size=1, max_size=50))
    file = {"name": NAME.encode(), "data": content}
    file["signature"] = signer(Scheme.ED25519, pair).sign(stated(NAME, content))
    where = data.draw(st.sampled_from(sorted(file)))
    bit = data.draw(st.integers(0, 8 * len(file[where]) - 1))
    changed = bytearray(file[where])
    changed[bit // 8] ^= 1 << bit % 8
    file[where] = bytes(changed)
    name = file["name"].decode("latin-1")
    if "\n" in name:
        return  # no name of a file that anybody lists
    known = verifier(Scheme.ED25519, [public(pair)])
    assert isinstance(known.signer_of(stated(name, file["data"]), file["signature"]), Unfit)


def _as_they_are(line: bytes) -> bytes:
    return line


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "no line end": lambda line: line[:-1],
    "CR": lambda line: line[:-1] + b"\r\n",
    "two lines": lambda line: line + line,
    "something behind": lambda line: line + b"\n",
    "blank before": lambda line: b" " + line,
    "two blanks": lambda line: line.replace(b" ", b"  "),
    "no padding": lambda line: line.replace(b"==", b""),
    "base64 of another alphabet": lambda line: line[:60] + b"-_" + line[62:],
    "no fingerprint": lambda line: line.split(b" ")[1],
    "signature alone, raw": lambda _line: bytes(64),
    "empty": lambda _line: b"",
    "bits beyond the end": lambda line: re.sub(rb"(.)==", lambda last: _next(last[1]) + b"==", line),
}


def _next(letter: bytes) -> bytes:
    """The letter of base64 that differs in its last bit, which a signature of 64 bytes does not reach."""
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return letters[letters.index(letter) ^ 1 :][:1]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_one_form_of_a_line_is_taken(pair: Path, form: Callable[[bytes], bytes]) -> None:
    line = signer(Scheme.ED25519, pair).sign(stated())
    known = verifier(Scheme.ED25519, [public(pair)])
    assert known.signer_of(stated(), _as_they_are(line)) == known.keys[0]
    found = known.signer_of(stated(), form(line))
    assert isinstance(found, Unfit)
    assert found.expected.isprintable() and found.found.isprintable()


def test_a_key_that_is_not_known_is_named(pair: Path, tmp_path: Path) -> None:
    new_pair("ed25519", tmp_path / "stranger")
    stranger = signer(Scheme.ED25519, tmp_path / "stranger")
    known = verifier(Scheme.ED25519, [public(pair)])
    assert known.signer_of(stated(), stranger.sign(stated())) == Unfit(f"a signature by {known.keys[0]}", stranger.key)
    under_a_false_flag = stranger.sign(stated()).replace(stranger.key.encode(), known.keys[0].encode())
    assert isinstance(known.signer_of(stated(), under_a_false_flag), Unfit)


def test_an_old_key_and_a_new_one_are_known_side_by_side(pair: Path, tmp_path: Path) -> None:
    new_pair("ed25519", tmp_path / "next")
    known = verifier(Scheme.ED25519, [public(pair), public(tmp_path / "next")])
    for private in (pair, tmp_path / "next"):
        ours = signer(Scheme.ED25519, private)
        assert known.signer_of(stated(), ours.sign(stated())) == ours.key


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604])
def test_a_private_key_that_others_may_use_is_refused(pair: Path, tmp_path: Path, mode: int) -> None:
    private = tmp_path / "key"
    private.write_bytes(pair.read_bytes())
    private.chmod(mode)
    with pytest.raises(ConfigurationError, match=f"mode {mode:04o}"):
        signer(Scheme.ED25519, private)


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_public_key_that_others_may_change_is_refused(pair: Path, tmp_path: Path, mode: int) -> None:
    key = tmp_path / "key.pub"
    key.write_bytes(public(pair).read_bytes())
    key.chmod(mode)
    with pytest.raises(ConfigurationError, match=f"mode {mode:04o}"):
        verifier(Scheme.ED25519, [key])


def test_files_that_hold_no_such_key_are_named(pair: Path, tmp_path: Path) -> None:
    rsa = make_key(tmp_path / "rsa", "rsa")
    junk = tmp_path / "junk"
    junk.touch(mode=0o600)
    junk.write_bytes(b64encode(b"junk"))
    for private in (rsa, junk, tmp_path / "nowhere", tmp_path):
        with pytest.raises(ConfigurationError, match=re.escape(str(private))):
            signer(Scheme.ED25519, private)
    public(rsa).chmod(0o644)
    for key in (public(rsa), junk, tmp_path / "nowhere", tmp_path, pair):
        with pytest.raises(ConfigurationError, match=re.escape(str(key))):
            verifier(Scheme.ED25519, [key])


def test_a_key_with_a_passphrase_is_refused(tmp_path: Path) -> None:
    private = tmp_path / "key"
    private.touch(mode=0o600)
    key = Ed25519PrivateKey.generate()
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption

    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    with pytest.raises(ConfigurationError, match="without a passphrase"):
        signer(Scheme.ED25519, private)
