"""Faults 59 and 75: a signature that is missing, by another key, over another file or other bytes lets nothing in.

Each bank signs by its own program, which shares no line with the hub. What the schemes promise alone is proven in
``tests/connectors/signatures``.
"""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from hub.app import endpoints, schedule
from hub.app.bank_signatures import BankSignatures
from hub.app.cli.verify import evidence_of
from hub.app.quarantine import propose_release
from hub.app.settings import VerifyKey
from hub.domain.signatures import SIG_BYTES_MAX
from hub.ledger import quarantine
from hub.ledger.database import ROLE_APP, engine
from hub.ledger.verification import verify
from hub.ports import Refused
from simulators.agency import Paper
from simulators.amounts import fen, yuan
from simulators.bank_signing import SIGNINGS, Signing, new_pair
from tests.faults.real_bank import BILLS, ICBC, RealBank, open_real_bank
from tests.processors.answers import CHARSET, DUE, UNITS, adding_up, answered, books_are_untouched
from tests.processors.city import City, bill
from tests.sshd import Sshd
from tests.tcp_proxy import Act, TcpProxy

NewCity = Callable[..., City]
SCHEMES = ("ed25519", "openpgp")


@pytest.fixture(params=SCHEMES)
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def signed(new_city: NewCity, scheme: str) -> City:
    """3 November, 10:00: ICBC, which signs and wants signatures, is asked for A-1, A-2 and A-3; CCB, which does not, for A-4."""
    return asked_to_sign(new_city(signing={ICBC: scheme}))


def asked_to_sign(city: City) -> City:
    bills = [bill(f"A-{n}", unit, DUE) for n, unit in enumerate(UNITS, start=1)]
    city.accept(city.dues(*bills, bill("A-4", 5, DUE, bank="CCB")))
    city.advance("11-03T10:00")
    return city


def put(city: City, paper: Paper, signature: bytes | None) -> None:
    """An answer with this beside it as its signature; None: with nothing."""
    signing = city.signings.pop(ICBC)
    city.put(ICBC, paper)
    city.signings[ICBC] = signing
    if signature is not None:
        city.servers[ICBC].put(f"{paper.name}.sig", signature)


def turned_away(city: City, paper: Paper) -> dict[str, Any]:
    """The one fault for which the answer at the bank is quarantined; nothing is booked, and nobody can release it."""
    assert city.poll(ICBC) == ["quarantined"]
    return signature_fault(city, paper)


def signature_fault(city: City, paper: Paper) -> dict[str, Any]:
    assert books_are_untouched(city)
    (fault,) = city.value("select faults from file_intake where outcome = 'quarantined' order by id desc limit 1")
    assert (fault["line"], fault["field"], fault["code"]) == (None, ".sig", "signature")
    assert city.value("select signed_by from file_intake order by id desc limit 1") is None
    item = city.work("quarantine")[-1]
    assert (item["file"], item["field"]) == (paper.name, ".sig")
    with city.hub.engine.connect() as conn:
        held = quarantine.held(conn, ICBC)[-1]
    ruling = propose_release(city.hub, held, "Wang", "it looks right")
    assert [(each.field, each.code.value) for each in ruling.faults] == [(".sig", "signature")]
    assert not [name for name in city.servers[ICBC].inbound if name.startswith(paper.name)]
    return dict(fault)


def honest_answer_is_taken(city: City, paper: Paper) -> None:
    """The batch stayed open; the signed answer is taken under the same name, and its signature goes with it."""
    city.put(ICBC, paper)
    assert city.poll(ICBC) == ["taken"]
    city.advance("11-05T09:00")
    assert [sum(city.collected(no)) for no in ("A-1", "A-2", "A-3")] == [11800, 10400, 0]


def other_signing(folder: Path, scheme: str) -> Signing:
    """Somebody with a key of his own that nobody has agreed on."""
    new_pair(scheme, folder / "stranger")
    return SIGNINGS[scheme](folder / "stranger", folder / "stranger.pub")


# ── 75: nothing that is not signed as agreed ───────────────────────────────────────────────────────────────────────
def test_fault_75_signature_missing(signed: City) -> None:
    """The file is left for one more poll, as one whose ``.ok`` disagrees; then it is quarantined."""
    paper = answered(signed)
    put(signed, paper, None)
    assert signed.poll(ICBC) == []
    assert signed.work("quarantine") == []
    assert turned_away(signed, paper)["found"] == ""
    honest_answer_is_taken(signed, paper)


def test_fault_75_signature_that_comes_after_the_ok_is_awaited_for_one_poll(signed: City) -> None:
    paper = answered(signed)
    put(signed, paper, None)
    assert signed.poll(ICBC) == []
    signed.servers[ICBC].put(f"{paper.name}.sig", signed.signings[ICBC].sign(paper.name, paper.data))
    assert signed.poll(ICBC) == ["taken"]
    assert signed.work("quarantine") == []


def test_fault_75_signature_by_a_wrong_key(signed: City, scheme: str, tmp_path: Path) -> None:
    paper = answered(signed)
    stranger = other_signing(tmp_path, scheme)
    put(signed, paper, stranger.sign(paper.name, paper.data))
    fault = turned_away(signed, paper)
    assert fault["found"].removeprefix("SHA256:") not in fault["expected"]
    honest_answer_is_taken(signed, paper)


def test_fault_75_signature_of_another_file(signed: City) -> None:
    """The same bytes under another name of the bank's: a signature holds for one name."""
    paper = answered(signed)
    other = Paper(paper.name.replace("_0001.txt", "_0009.txt"), paper.data)
    put(signed, other, signed.signings[ICBC].sign(paper.name, paper.data))
    turned_away(signed, other)
    honest_answer_is_taken(signed, paper)


def test_fault_75_signature_of_other_bytes(signed: City) -> None:
    paper = answered(signed)
    put(signed, paper, signed.signings[ICBC].sign(paper.name, paper.data + b"\n"))
    turned_away(signed, paper)
    honest_answer_is_taken(signed, paper)


def test_fault_75_the_hubs_own_signature_sent_back(signed: City) -> None:
    """What the hub has signed, its own request, proves nothing about an answer."""
    signature = signed.servers[ICBC].outbound["DK_ICBC_20261102_0001.txt.sig"]
    paper = answered(signed)
    put(signed, paper, signature)
    turned_away(signed, paper)


@pytest.mark.parametrize("size", [0, SIG_BYTES_MAX + 1, 5 << 20])
def test_fault_75_a_signature_of_an_impossible_size_is_not_read(signed: City, size: int) -> None:
    paper = answered(signed)
    put(signed, paper, bytes(size))
    assert turned_away(signed, paper)["expected"] == f"1 to {SIG_BYTES_MAX} bytes"


JUNK = {
    "bytes": b"\x00\xff" * 50,
    "text": "签名\n".encode(),
    "a line of the form": b"SHA256:" + b"A" * 43 + b" " + b"A" * 86 + b"==\n",
    "armor without a signature": b"-----BEGIN PGP SIGNATURE-----\n\n=twTO\n-----END PGP SIGNATURE-----\n",
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_fault_75_what_is_no_signature(signed: City, junk: bytes) -> None:
    paper = answered(signed)
    put(signed, paper, junk)
    assert turned_away(signed, paper)["found"].isprintable()


def test_fault_75_key_out_of_its_days(new_city: NewCity, scheme: str) -> None:
    """A rotation: the old key ends on the 2nd, the new one begins on the 3rd; each signs on its days only."""
    city = new_city(signing={ICBC: scheme})
    bank = city.hub.bank(ICBC)
    (path,) = (key.path for key in bank.verify_keys)
    next_key = path.with_name("next")
    new_pair(scheme, next_key)
    old = VerifyKey(path=path, last_day=date(2026, 11, 2))
    new = VerifyKey(path=next_key.with_name("next.pub"), first_day=date(2026, 11, 3))
    city.hub.signatures[ICBC] = BankSignatures(bank.model_copy(update={"verify_keys": (old, new)}))
    asked_to_sign(city)
    paper = answered(city)
    city.put(ICBC, paper)  # by the old key
    assert "2026-11-02" in turned_away(city, paper)["found"]
    city.signings[ICBC] = SIGNINGS[scheme](next_key, path)
    honest_answer_is_taken(city, paper)


def test_fault_59_one_changed_amount_under_a_corrected_trailer_fails_on_the_signature(signed: City) -> None:
    """The file adds up; it is not even read, for whoever changed it could not sign it."""
    honest = answered(signed)
    words = honest.data.decode(CHARSET).splitlines()
    fields = words[2].split("|")
    fields[5] = yuan(fen(fields[5]) - 1)
    words[2] = "|".join(fields)
    changed = adding_up(Paper(honest.name, "".join(f"{word}\n" for word in words).encode(CHARSET)))
    assert changed != honest
    put(signed, changed, signed.signings[ICBC].sign(honest.name, honest.data))
    turned_away(signed, changed)
    honest_answer_is_taken(signed, honest)


def test_a_signature_is_looked_at_before_the_file_is_read(
    signed: City, scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parsers never meet the bytes of a stranger."""
    read: list[str] = []
    profile = type(signed.hub.formats[ICBC])
    honest = profile.parse_result

    def noted(self: Any, name: str, *more: Any) -> Any | Refused:
        read.append(name)
        return honest(self, name, *more)

    monkeypatch.setattr(profile, "parse_result", noted)
    paper = answered(signed)
    put(signed, paper, other_signing(tmp_path, scheme).sign(paper.name, paper.data))
    assert signed.poll(ICBC) == ["quarantined"]
    assert read == []
    signed.put(ICBC, paper)
    assert signed.poll(ICBC) == ["taken"]
    assert read == [paper.name]


# ── over real OpenSSH ──────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def signing_bank(
    database: str, tmp_path: Path, sshd: Sshd, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> Iterator[RealBank]:
    """ICBC, which signs and wants signatures, and its city, on the 28th of October 2026."""
    opened = open_real_bank(database, tmp_path / "city", sshd, proxy, signing={ICBC: scheme})
    monkeypatch.setattr(schedule, "drain", lambda _hub: opened.city.pump.drain())
    yield opened
    opened.city.close()


def test_a_month_with_a_signing_bank_over_openssh(signing_bank: RealBank) -> None:
    """The bank checks what it is asked; its answers are taken, posted once, and moved away with their signatures."""
    bank = signing_bank
    name = bank.has_a_file_to_send()
    assert bank.deliver()
    bank.was_sent_once(name)
    proof = bank.city.value("select signed_by from bank_file_receipt where name = :name", name=name)
    bank.city.requests(ICBC)  # where its own program checks the signature
    assert bank.outbound() == []
    bank.all_is_booked_once()
    done = sorted(path.name for path in bank.sshd.done.iterdir())
    (answer,) = (each for each in done if each.endswith(".txt"))
    assert done == [answer, f"{answer}.ok", f"{answer}.sig"]
    signed_by = bank.city.value("select signed_by from file_intake where name = :name", name=answer)
    assert proof and signed_by and proof != signed_by
    bank.city.advance("12-01T08:00")
    assert bank.city.total("f1", "arrived", period="2026-11")[0] == BILLS
    reader = engine(endpoints.database_url(bank.hub.settings), role=ROLE_APP)
    try:
        assert [each.name for each in verify(reader, evidence_of(bank.hub)) if not each.ok] == []
    finally:
        reader.dispose()


def test_fault_75_over_openssh_a_missing_and_a_wrong_signature(signing_bank: RealBank) -> None:
    bank = signing_bank
    bank.was_asked()
    (paper,) = bank.city.answer(ICBC)
    signature = bank.sshd.inbound / f"{paper.name}.sig"
    right = signature.read_bytes()
    signature.unlink()
    assert (bank.poll(), bank.poll()) == ([], ["quarantined"])
    bank.city.put(ICBC, paper)
    signature.write_bytes(right[::-1])
    assert bank.poll() == ["quarantined"]
    bank.nothing_is_booked()
    assert list(bank.sshd.inbound.iterdir()) == []
    bank.city.put(ICBC, paper)
    bank.what_was_answered_is_booked_once()


def test_a_signature_that_is_a_link_is_not_followed(signing_bank: RealBank) -> None:
    bank = signing_bank
    bank.was_asked()
    (paper,) = bank.city.answer(ICBC)
    signature = bank.sshd.inbound / f"{paper.name}.sig"
    elsewhere = bank.sshd.home / "elsewhere"
    signature.rename(elsewhere)
    signature.symlink_to(elsewhere)
    assert (bank.poll(), bank.poll()) == ([], ["quarantined"])
    bank.nothing_is_booked()
    assert any("not touched" in item["summary"] for item in bank.city.work("quarantine"))


def test_a_signature_whose_way_is_cut_is_the_same_one_at_the_next_try(signing_bank: RealBank) -> None:
    """OpenPGP signs differently each time: what was begun to be sent is kept, and sent again."""
    bank = signing_bank
    name = bank.has_a_file_to_send()
    signature = bank.sshd.outbound / f"{name}.sig"
    bank.proxy.up = lambda _passed, _coming: Act.CUT if signature.exists() else Act.PASS
    assert not bank.deliver()
    bank.proxy.heal()
    assert f"{name}.ok" not in bank.outbound()
    before = signature.read_bytes()
    assert bank.deliver()
    assert signature.read_bytes() == before
    bank.was_sent_once(name)
