"""A bank that signs its answers and wants requests signed: the month, and what persons and interruptions do to it.

What is wrong with signatures by themselves is told in ``tests/faults/test_signatures.py``.
"""

from datetime import date
from pathlib import Path

import pytest

from hub.app import bank_door, endpoints
from hub.app.bank_signatures import BankSignatures
from hub.app.cli.verify import evidence_of
from hub.app.quarantine import Ruling, correct, propose_correction, propose_release, release
from hub.app.settings import VerifyKey
from hub.ledger import quarantine
from hub.ledger.database import ROLE_APP, engine
from hub.ledger.journey import Bytes, follow
from hub.ledger.quarantine import Held
from hub.ledger.verification import verify
from simulators.agency import Paper
from simulators.bank_program import BankProgram
from simulators.bank_signing import exchange_keys
from simulators.bank_work import UnusableRequestError
from tests.fakes import Trouble
from tests.processors.answers import DUE, UNITS, answered, books_are_untouched, changed
from tests.processors.city import PERIOD, City, bill, unit_of
from tests.processors.conftest import NewCity

WHOLE = sum(DUE)
SCHEMES = ("ed25519", "openpgp")


@pytest.fixture(params=SCHEMES)
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def city(new_city: NewCity, scheme: str) -> City:
    return new_city(signing={"ICBC": scheme})


@pytest.fixture
def signed(city: City) -> City:
    """3 November, 10:00: ICBC is asked for A-1, A-2 and A-3."""
    city.accept(city.dues(*(bill(f"A-{n}", unit, DUE) for n, unit in enumerate(UNITS, start=1))))
    city.advance("11-03T10:00")
    return city


def demand(city: City, signature: str) -> None:
    """hub.toml says so from now on."""
    bank = city.hub.bank("ICBC")
    city.hub.signatures["ICBC"] = BankSignatures(bank.model_copy(update={"signature": signature}))


def put_unsigned(city: City, paper: Paper) -> None:
    signing = city.signings.pop("ICBC")
    city.put("ICBC", paper)
    city.signings["ICBC"] = signing


def held(city: City) -> Held:
    with city.hub.engine.connect() as conn:
        return quarantine.held(conn, "ICBC")[-1]


def fields(ruling: Ruling) -> list[str]:
    return [fault.field for fault in ruling.faults]


def handed_over(folder: Path, paper: Paper, signature: bytes | None = None) -> Path:
    path = folder / paper.name
    path.write_bytes(paper.data)
    if signature is not None:
        path.with_name(f"{path.name}.sig").write_bytes(signature)
    return path


# ── the month ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_month_is_settled_and_books_and_files_agree(city: City) -> None:
    city.accept(city.dues(*(bill(f"A-{n}", n, DUE) for n in (1, 2, 3)), bill("A-4", 4, DUE, bank="CCB")))
    city.first_deduction(ICBC={"A-2": 10400, "A-3": "02"}, CCB={})
    city.accept(city.again((unit_of(2), "B"), (unit_of(3), "B")))
    city.second_deduction(ICBC={"A-3": "02"})
    city.advance("11-30T23:00")
    assert city.collected("A-1") == city.collected("A-2") == city.collected("A-4") == DUE
    assert city.total("f1", "arrears", period=PERIOD) == (1, WHOLE)
    proofs = "select b.bank, count(*), count(r.signed_by) from bank_file_receipt r join batch b on b.id = r.batch_id"
    assert city.rows(f"{proofs} group by 1 order by 1") == [("CCB", 1, 0), ("ICBC", 2, 2)]
    answers = "select party, count(*), count(signed_by), count(signature) from file_intake where door = 'bank'"
    assert city.rows(f"{answers} group by 1 order by 1") == [("CCB", 1, 0, 0), ("ICBC", 2, 2, 2)]
    assert sorted(name.rpartition(".")[2] for name in city.servers["ICBC"].done) == [
        "ok",
        "ok",
        "sig",
        "sig",
        "txt",
        "txt",
    ]
    assert city.work("quarantine") == []
    reader = engine(endpoints.database_url(city.hub.settings), role=ROLE_APP)
    try:
        assert [outcome.name for outcome in verify(reader, evidence_of(city.hub)) if not outcome.ok] == []
    finally:
        reader.dispose()


def test_who_signed_is_part_of_the_journey(signed: City) -> None:
    signed.answer("ICBC")
    signed.advance("11-05T09:00")
    kept = Bytes(archive=signed.hub.archive, agency_encoding="utf-8", bank_encoding="gb18030")
    with signed.hub.engine.connect() as conn:
        told = {
            name: str([stop.as_json() for stop in follow(conn, name, kept)])
            for name in ("DK_ICBC_20261102_0001.txt", "HD_ICBC_20261103_0001.txt")
        }
    ours, theirs = signed.rows(
        "select (select signed_by from bank_file_receipt), (select signed_by from file_intake where door = 'bank')"
    )[0]
    assert ours in told["DK_ICBC_20261102_0001.txt"]
    assert theirs in told["HD_ICBC_20261103_0001.txt"]


def test_a_bank_program_refuses_what_the_hub_has_not_signed(tmp_path: Path, scheme: str, signed: City) -> None:
    """The simulated bank on its server, with the request as it arrived: signed by a stranger, unsigned, and right."""
    directory = tmp_path / "bank"
    for name in ("outbound", "inbound"):
        (directory / name).mkdir(parents=True)
    program = BankProgram("ICBC", 7, directory, signed.signings["ICBC"])
    for name, data in signed.servers["ICBC"].outbound.items():
        (directory / "outbound" / name).write_bytes(data)
    (signature,) = (directory / "outbound").glob("*.sig")
    right = signature.read_bytes()
    stranger, _ = exchange_keys(scheme, tmp_path / "keys", "stranger")
    request = signature.with_suffix("")
    signature.write_bytes(stranger.sign(request.name, request.read_bytes()))
    with pytest.raises(UnusableRequestError):
        program.receive()
    signature.unlink()
    with pytest.raises(UnusableRequestError, match="nobody has signed it"):
        program.receive()
    signature.write_bytes(right)
    (taken,) = program.receive()
    paper = program.answer(taken, signed.today())
    assert (directory / "inbound" / f"{paper.name}.sig").exists()
    assert list(directory.glob("desk/*")) == [] and len(list(directory.glob("answered/*"))) == 3


# ── requests ───────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("trouble", [Trouble.LOSES_RENAME_REPLY, Trouble.LOSES_OK])
def test_a_signature_is_made_once_whatever_happens_on_the_way(city: City, trouble: Trouble) -> None:
    """Another one of OpenPGP would differ, and the bank may have the first already."""
    city.accept(city.dues(bill("A-1", 1, DUE)))
    server = city.servers["ICBC"]
    server.trouble = trouble
    city.advance("11-03T10:00")
    kept = city.value("select signature from batch where bank = 'ICBC'")
    begun = server.outbound.get("DK_ICBC_20261102_0001.txt.sig")
    assert city.value("select state from batch where bank = 'ICBC'") == "SENDING"
    server.trouble = None
    assert bank_door.deliver(city.hub, "ICBC", city.hub.door("ICBC"))
    assert city.value("select state from batch where bank = 'ICBC'") == "SENT"
    assert city.value("select signature from batch where bank = 'ICBC'") == kept
    arrived = server.outbound["DK_ICBC_20261102_0001.txt.sig"]
    assert arrived == city.hub.archive.find(kept).path.read_bytes()
    assert begun in (None, arrived)
    assert len(city.requests("ICBC")) == 1


def test_a_signing_key_that_is_gone_holds_the_file_back_and_tells_why(city: City) -> None:
    key = city.hub.bank("ICBC").signing_key
    assert key is not None
    away = key.rename(key.with_name("away"))
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.advance("11-03T10:00")
    assert city.servers["ICBC"].outbound == {}
    (item,) = city.work("unsent")
    assert str(key) in item["summary"] and "signing_key" in item["summary"]
    away.rename(key)
    assert bank_door.deliver(city.hub, "ICBC", city.hub.door("ICBC"))
    assert len(city.requests("ICBC")) == 1
    assert city.work("unsent") == []


# ── answers ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_optional_signature_may_be_missing_and_must_not_be_wrong(signed: City) -> None:
    demand(signed, "optional")
    paper = answered(signed)
    put_unsigned(signed, paper)
    signed.servers["ICBC"].put(f"{paper.name}.sig", signed.signings["ICBC"].sign(paper.name, b"other bytes"))
    assert signed.poll("ICBC") == ["quarantined"]
    assert books_are_untouched(signed)
    assert [fault.field for fault in held(signed).faults] == [".sig"]
    put_unsigned(signed, paper)
    assert signed.poll("ICBC") == ["taken"]
    assert signed.value("select signed_by from file_intake where outcome = 'accepted' and door = 'bank'") is None


def test_where_nothing_is_agreed_a_signature_is_left_alone(signed: City) -> None:
    """The contract's letter: a file and its ``.ok``."""
    demand(signed, "none")
    paper = answered(signed)
    put_unsigned(signed, paper)
    signed.servers["ICBC"].put(f"{paper.name}.sig", b"whatever it is")
    assert signed.poll("ICBC") == ["taken"]
    assert list(signed.servers["ICBC"].inbound) == [f"{paper.name}.sig"]
    assert signed.poll("ICBC") == []
    assert list(signed.servers["ICBC"].inbound) == [f"{paper.name}.sig"]


@pytest.mark.parametrize("beside", [None, b"a wrong one"])
def test_bytes_that_were_taken_are_a_repeat_whatever_is_beside_them(signed: City, beside: bytes | None) -> None:
    paper = answered(signed)
    signed.put("ICBC", paper)
    outcomes = signed.poll("ICBC")
    for name in (paper.name, "HD_ICBC_20261103_0077.txt"):
        put_unsigned(signed, Paper(name, paper.data))
        if beside is not None:
            signed.servers["ICBC"].put(f"{name}.sig", beside)
        outcomes += signed.poll("ICBC")
    assert outcomes == ["taken", "repeat", "repeat"]
    assert signed.work("quarantine") == [] and signed.servers["ICBC"].inbound == {}


def test_a_signature_left_behind_by_an_interruption_is_moved_and_a_new_one_is_not(signed: City) -> None:
    """The hub was cut off after it moved the file; what the bank has just laid down for its next file stays."""
    paper = answered(signed)
    signed.put("ICBC", paper)
    inbound = signed.servers["ICBC"].inbound
    signature = inbound[f"{paper.name}.sig"]
    assert isinstance(signature, bytes)
    assert signed.poll("ICBC") == ["taken"]
    signed.servers["ICBC"].put(f"{paper.name}.sig", signature)
    signed.servers["ICBC"].put("HD_ICBC_20261103_0002.txt.sig", b"of a file that is on its way")
    assert signed.poll("ICBC") == []
    assert list(inbound) == ["HD_ICBC_20261103_0002.txt.sig"]
    signed.servers["ICBC"].put(f"{paper.name}.sig", b"of another file that will bear this name")
    assert signed.poll("ICBC") == []
    assert sorted(inbound) == [f"{paper.name}.sig", "HD_ICBC_20261103_0002.txt.sig"]


# ── persons ────────────────────────────────────────────────────────────────────────────────────────────────────────
def misdated(city: City) -> Paper:
    return Paper("HD_ICBC_20261102_0007.txt", answered(city).data)


def test_two_persons_may_release_a_signed_file_for_a_harmless_fault(signed: City) -> None:
    signed.put("ICBC", misdated(signed))
    assert signed.poll("ICBC") == ["quarantined"]
    case = held(signed)
    assert case.signed_by is not None
    assert propose_release(signed.hub, case, "Wang", "only the date").awaits_second_person
    assert release(signed.hub, case, "Li", "").let_in
    assert (
        signed.value("select signed_by from file_intake where outcome = 'accepted' and door = 'bank'") == case.signed_by
    )


def keys_of(city: City, *keys: tuple[Path, date | None]) -> None:
    """hub.toml names these keys of the bank from now on, each with the last day on which it counts."""
    bank = city.hub.bank("ICBC")
    named = tuple(VerifyKey(path=path, last_day=last) for path, last in keys)
    city.hub.signatures["ICBC"] = BankSignatures(bank.model_copy(update={"verify_keys": named}))


@pytest.mark.parametrize("proposed", [False, True], ids=["before it is proposed", "between the two persons"])
def test_a_key_that_is_taken_out_lets_nothing_in_that_it_signed_before(
    signed: City, scheme: str, tmp_path: Path, proposed: bool
) -> None:
    signed.put("ICBC", misdated(signed))
    assert signed.poll("ICBC") == ["quarantined"]
    assert held(signed).signed_by is not None
    if proposed:
        assert propose_release(signed.hub, held(signed), "Wang", "only the date").awaits_second_person
    exchange_keys(scheme, tmp_path / "keys", "another")
    keys_of(signed, (tmp_path / "keys" / "another-bank.pub", None))
    ruling = (
        release(signed.hub, held(signed), "Li", "")
        if proposed
        else propose_release(signed.hub, held(signed), "Wang", "only the date")
    )
    assert fields(ruling) == [".sig"]
    assert books_are_untouched(signed)


def test_a_key_that_has_ended_since_still_stands_for_what_came_on_its_days(signed: City) -> None:
    signed.put("ICBC", misdated(signed))
    assert signed.poll("ICBC") == ["quarantined"]
    keys_of(signed, (signed.hub.bank("ICBC").verify_keys[0].path, signed.today()))
    signed.time_passes("11-04T08:00")
    assert propose_release(signed.hub, held(signed), "Wang", "only the date").awaits_second_person
    assert release(signed.hub, held(signed), "Li", "").let_in


def test_nobody_releases_a_file_that_came_before_signatures_were_required(signed: City) -> None:
    demand(signed, "optional")
    put_unsigned(signed, misdated(signed))
    assert signed.poll("ICBC") == ["quarantined"]
    demand(signed, "required")
    assert fields(propose_release(signed.hub, held(signed), "Wang", "only the date")) == [".sig"]
    assert books_are_untouched(signed)


def test_a_signature_that_became_required_voids_a_release_that_was_proposed(signed: City) -> None:
    demand(signed, "optional")
    put_unsigned(signed, misdated(signed))
    assert signed.poll("ICBC") == ["quarantined"]
    assert propose_release(signed.hub, held(signed), "Wang", "only the date").awaits_second_person
    demand(signed, "required")
    assert fields(release(signed.hub, held(signed), "Li", "")) == [".sig"]
    assert books_are_untouched(signed)


def test_what_is_handed_in_for_it_is_signed_by_the_bank_as_well(signed: City, tmp_path: Path) -> None:
    """Two persons together cannot make up an answer of the bank."""
    good = answered(signed)
    signed.put("ICBC", changed(good, (r"\|02\|R3", "|77|R3")))
    assert signed.poll("ICBC") == ["quarantined"]
    case = held(signed)
    unsigned = handed_over(tmp_path, good)
    assert fields(propose_correction(signed.hub, case, unsigned, "Wang", "")) == [".sig"]
    wrong = handed_over(tmp_path, good, signed.signings["ICBC"].sign(good.name, good.data + b"\n"))
    assert fields(propose_correction(signed.hub, case, wrong, "Wang", "")) == [".sig"]
    right = handed_over(tmp_path, good, signed.signings["ICBC"].sign(good.name, good.data))
    assert propose_correction(signed.hub, case, right, "Wang", "").awaits_second_person
    right.with_name(f"{right.name}.sig").unlink()
    assert fields(correct(signed.hub, case, right, "Li", "")) == [".sig"]
    assert books_are_untouched(signed)
    handed_over(tmp_path, good, signed.signings["ICBC"].sign(good.name, good.data))
    assert correct(signed.hub, case, right, "Li", "").let_in
    assert signed.value("select signed_by from file_intake where outcome = 'accepted' and door = 'bank'")
