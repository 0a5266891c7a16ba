"""``hub bank quarantine`` on real books, as a script sees it: standard output, exit code, and what was booked.

Contract section 4: what does not fit books nothing. Two persons may let in a file whose faults cannot touch money.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from psycopg.errors import CheckViolation, ForeignKeyViolation, InsufficientPrivilege
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from hub.app import logs, schedule, wiring
from hub.app import quarantine as hub_quarantine
from hub.app.cli.main import run
from hub.app.cli.verify import evidence_of
from hub.app.quarantine import release
from hub.ledger import files, quarantine
from hub.ledger.journey import Bytes, follow
from hub.ledger.verification import verify
from simulators.agency import Paper
from tests.processors.answers import CHARSET, FULL, NOTHING, adding_up, answered, books_are_untouched, changed
from tests.processors.city import PERIOD, City

DONE, REFUSED, AWAITS, USAGE = 0, 2, 3, 64
CANARY = "6222020200099887766"
"""An account number that must appear nowhere but before the person who asks."""

Bench = Callable[..., tuple[int, Any]]


@pytest.fixture
def bench(asked: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    """Runs ``hub bank quarantine …`` on the city's hub: exit code, and the document of ``--json``."""
    monkeypatch.setenv("HUB_CONFIG", str(tmp_path / "city" / "hub.toml"))
    monkeypatch.setattr(wiring, "Hub", lambda _settings: asked.hub)
    monkeypatch.setattr(schedule, "require_running", lambda _hub: None)

    def answer(*arguments: object, as_json: bool = True) -> tuple[int, Any]:
        capsys.readouterr()
        words = ["bank", "quarantine", *map(str, arguments), *(["--json"] if as_json else [])]
        code = run(words)
        out = capsys.readouterr().out
        return code, json.loads(out) if as_json else out

    return answer


def hold(city: City, paper: Paper, bank: str = "ICBC") -> int:
    """The number of an answer that the hub has quarantined just now."""
    city.put(bank, paper)
    assert city.poll(bank) == ["quarantined"]
    return int(city.value("select max(id) from file_intake where outcome = 'quarantined'"))


def misnamed(city: City) -> Paper:
    """The honest answer under a name with a date that is none."""
    return Paper("HD_ICBC_20261399_0001.txt", answered(city).data)


def in_utf_8(city: City) -> Paper:
    """The honest answer, but the bank's program writes UTF-8."""
    return Paper(
        "HD_ICBC_20261103_0007.txt", answered(city).data.replace(b"|R2\n", "|工商银行北京市分行流水\n".encode())
    )


def dated_otherwise(city: City) -> Paper:
    return Paper("HD_ICBC_20261102_0007.txt", answered(city).data)


def wrong(city: City) -> Paper:
    return changed(answered(city), (r"\|02\|R3", "|77|R3"))


def handed_over(folder: Path, paper: Paper) -> Path:
    path = folder / paper.name
    path.write_bytes(paper.data)
    return path


def posted(city: City) -> list[int]:
    city.advance("11-05T09:00")
    return [sum(city.collected(no)) for no in ("A-1", "A-2", "A-3")]


def books_and_files_agree(city: City) -> bool:
    outcomes = list(verify(city.hub.engine, evidence_of(city.hub)))
    assert {outcome.name for outcome in outcomes} >= {"result-files-equal-answers"}
    return all(outcome.ok for outcome in outcomes)


# -- looking --------------------------------------------------------------------------------------------------------


def test_every_fault_with_its_line_its_bytes_and_the_line_of_the_request(asked: City, bench: Bench) -> None:
    paper = changed(answered(asked), (r"\|02\|R3", "|77|R\x073"), (FULL, "D|1|A-9-1|"))
    number = hold(asked, paper)
    code, listed = bench("list", "--bank", "ICBC")
    assert (code, [(row["id"], row["state"], row["file"]) for row in listed["rows"]]) == (
        DONE, [(number, "held", paper.name)],
    )  # fmt: skip
    assert bench("list", "--bank", "CCB")[1] == {"rows": []}
    code, shown = bench("show", number)
    assert code == DONE
    assert shown["may_be_released"] is False
    faults = {(fault["line"], fault["field"]): fault for fault in shown["faults"]}
    assert set(faults) == {(2, "instruction id"), (4, "code"), (4, "bank reference")}
    lines = paper.data.splitlines(keepends=True)
    by_number = faults[2, "instruction id"]
    assert by_number["text"] == lines[1].decode(CHARSET).rstrip("\n")
    assert by_number["request"] == {
        "line": 1, "instruction": "A-1-1", "unit": "110105000002", "partial": True,
        "amounts": {"pension": 10000, "unemployment": 1000, "injury": 500, "maternity": 300, "total": 11800},
    }  # fmt: skip
    by_name = faults[4, "bank reference"]  # the line cannot be read, but names its instruction
    assert by_name["text"].endswith("|77|R<U+0007>3")
    assert by_name["request"]["instruction"] == "A-3-1"
    assert by_name["request"]["line"] == 3
    window = bytes.fromhex(by_name["bytes"]["hex"])
    assert b"\x07" in window
    assert lines[3][by_name["bytes"]["offset"] :].startswith(window)
    assert books_are_untouched(asked)


@pytest.mark.parametrize(
    "spoil", [(r"^D\|(\d)\|A-(\d)-1\|", r"D|\1|A-9\2-1|"), (r"\|(R\d)$", "|\\1\x07")], ids=["books", "file"]
)
def test_faults_beyond_those_that_are_stored_are_found_again(
    asked: City, bench: Bench, monkeypatch: pytest.MonkeyPatch, spoil: tuple[str, str]
) -> None:
    for module in (files, quarantine, hub_quarantine):
        monkeypatch.setattr(module, "MAX_FAULTS_STORED", 2)
    number = hold(asked, changed(answered(asked), spoil))
    assert asked.value("select jsonb_array_length(faults) from file_intake where outcome = 'quarantined'") == 2
    _, shown = bench("show", number)
    assert [fault["line"] for fault in shown["faults"]] == [2, 3, 4]
    assert all(fault["text"] and fault["request"] for fault in shown["faults"])


def test_the_work_item_leads_to_the_bench(asked: City, bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    number = hold(asked, wrong(asked))
    (item,) = asked.work("quarantine")
    bench("list")
    assert run(["worklist", "show", str(item["id"])]) == DONE
    assert f"hub bank quarantine show {number}" in capsys.readouterr().out


def test_a_person_sees_the_same_on_the_screen(asked: City, bench: Bench) -> None:
    number = hold(asked, changed(answered(asked), (r"\|02\|R3", "|77|[red]R\x1b[2J3")))
    code, page = bench("show", number, as_json=False)
    assert code == DONE
    assert "\x1b" not in page
    assert "[red]R<U+001B>[2J3" in page.replace("\n", "")
    assert "A-3-1" in page
    assert "118.00 yuan" in page.replace("\n", " ")
    assert "1B 5B 32 4A" in page.replace("\n", " ")


def test_what_a_file_holds_is_told_to_the_person_and_not_to_the_logs(
    asked: City, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "to_standard_error", lambda _level: None)
    spoiled = changed(answered(asked), (r"^D\|1\|A-1-1\|[0-9]{12}\|(.*)\|00\|R1$", rf"D|1|A-1-1|{CANARY}|\1|王小明|R1"))
    with capture_logs() as told:
        number = hold(asked, spoiled)
        _, shown = bench("show", number)
        _, ruled = bench("correct", number, handed_over(tmp_path, spoiled), "--by", "Wang")
        bench("release", number, "--by", "Wang", "--note", "looks well")
        bench("refuse", number, "--by", "Wang", "--note", "names and accounts in an answer")
    for faults in (shown["faults"], ruled["faults"]):
        assert {fault["found"] for fault in faults} >= {CANARY, "王小明"}
    assert any(CANARY in (fault["text"] or "") for fault in shown["faults"])
    assert {one["event"] for one in told} == {"result_quarantined", "quarantine_decided"}
    assert CANARY not in str(told)
    assert "王小明" not in str(told)


def test_the_same_file_met_at_every_poll_is_one_case(asked: City, bench: Bench) -> None:
    paper = wrong(asked)
    first = hold(asked, paper)
    assert hold(asked, paper) == first
    bench("refuse", first, "--by", "Wang", "--note", "code 77 is unknown")
    assert hold(asked, paper) > first, "what comes again after a decision waits for another"


# -- refusing -------------------------------------------------------------------------------------------------------


def test_a_refused_file_is_settled_and_the_bank_may_send_another(asked: City, bench: Bench) -> None:
    number = hold(asked, wrong(asked))
    code, ruled = bench("refuse", number, "--by", "Wang", "--note", "code 77 is unknown")
    assert (code, ruled["accepted"], ruled["state"]) == (DONE, True, "refused")
    assert bench("list")[1] == {"rows": []}
    assert [row["state"] for row in bench("list", "--all")[1]["rows"]] == ["refused"]
    assert asked.work("quarantine") == []
    assert books_are_untouched(asked)
    code, ruled = bench("refuse", number, "--by", "Li", "--note", "once more")
    assert (code, [fault["code"] for fault in ruled["faults"]]) == (REFUSED, ["settled"])
    asked.put("ICBC", answered(asked))
    assert asked.poll("ICBC") == ["taken"]
    assert posted(asked) == [11800, 10400, 0]


def test_a_number_that_is_none_and_a_command_without_a_name(asked: City, bench: Bench) -> None:
    for words in (("show", 999), ("refuse", 999, "--by", "Wang", "--note", "x")):
        code, told = bench(*words)
        assert (code, "error" in told) == (REFUSED, True)
    assert bench("refuse", 999, as_json=False)[0] == USAGE


# -- releasing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("harmless", [misnamed, in_utf_8, dated_otherwise])
def test_two_persons_release_a_file_whose_faults_are_harmless(
    asked: City, bench: Bench, harmless: Callable[[City], Paper]
) -> None:
    paper = harmless(asked)
    number = hold(asked, paper)
    assert bench("show", number)[1]["may_be_released"] is True
    code, ruled = bench("release", number, "--by", "Wang", "--note", "the bank confirmed it by telephone")
    assert (code, ruled["state"], ruled["sha256"]) == (AWAITS, "release-proposed", sha256(paper.data).hexdigest())
    assert books_are_untouched(asked)
    code, ruled = bench("release", number, "--approve", "--by", " wang ")
    assert (code, [fault["code"] for fault in ruled["faults"]]) == (REFUSED, ["same-person"])
    assert books_are_untouched(asked)
    code, ruled = bench("release", number, "--approve", "--by", "Li")
    assert (code, ruled["state"]) == (DONE, "released")
    assert bench("list")[1] == {"rows": []}
    assert asked.work("quarantine") == []
    let_in = asked.rows(
        "select name, sha256, stands_for, proposed_by, approved_by from file_intake where outcome = 'accepted' and door = 'bank'"
    )
    assert let_in == [(paper.name, sha256(paper.data).hexdigest(), number, "Wang", "Li")]
    assert posted(asked) == [11800, 10400, 0]
    assert asked.total("f8", "arrived", period=PERIOD, round=1) == (1, 11800 + 10400)
    asked.put("ICBC", paper)
    assert asked.poll("ICBC") == ["repeat"]
    assert bench("release", number, "--approve", "--by", "Zhao")[0] == REFUSED
    assert asked.value("select count(*) from collection") == 2
    assert books_and_files_agree(asked)


def test_a_release_after_the_posting_hour_is_posted_at_once(asked: City, bench: Bench) -> None:
    number = hold(asked, misnamed(asked))
    asked.advance("11-05T09:00")
    bench("release", number, "--by", "Wang", "--note", "the name only")
    assert bench("release", number, "--approve", "--by", "Li")[0] == DONE
    assert asked.rows("select state, late from batch where bank = 'ICBC'") == [("POSTED", True)]
    assert sum(asked.collected("A-1")) == 11800


SPOILED: dict[str, Callable[[City], Paper]] = {
    "an unknown code": wrong,
    "more than was asked": lambda city: adding_up(
        changed(answered(city), (r"\|118.00\|118.00\|100.00\|(.*)\|00\|R1", r"|118.00|118.01|100.01|\1|00|R1"))
    ),
    "a line that was not asked": lambda city: changed(answered(city), (NOTHING, "D|9|A-3-1|")),
    "a line that is missing": lambda city: adding_up(changed(answered(city), (r"^D\|3\|.*\n", ""))),
    "a sum that is wrong": lambda city: changed(answered(city), (r"^T\|3\|1\|354.00\|222.00", "T|3|1|354.00|221.00")),
    "another batch": lambda city: changed(answered(city), (r"ICBC-20261102-0001\|", "CCB-20261102-0001|")),
    "another bank in the header": lambda city: changed(answered(city), (r"^H\|RESULT\|1\|ICBC", "H|RESULT|1|CCB")),
    "lines that end otherwise": lambda city: changed(answered(city), (r"\|R1\n", "|R1\r\n")),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_nobody_releases_what_touches_money_or_contradicts_the_request(asked: City, bench: Bench, fault: str) -> None:
    """Even beside a fault that is harmless; the refusal lists what hinders."""
    spoiled = SPOILED[fault](asked)
    number = hold(asked, Paper("HD_ICBC_20261399_0001.txt", spoiled.data))
    for words in (("--by", "Wang", "--note", "please"), ("--by", "Li", "--approve")):
        code, ruled = bench("release", number, *words)
        assert (code, ruled["accepted"]) == (REFUSED, False)
        assert ruled["faults"]
        assert not {(each["field"], each["code"]) for each in ruled["faults"]} & {("file name", "name")}
    assert asked.value("select count(*) from quarantine_decision") == 0
    assert books_are_untouched(asked)


def test_an_ok_that_disagreed_is_not_overridden_by_a_file_that_fits(asked: City, bench: Bench) -> None:
    """What the ``.ok`` said of other bytes does not show in the file; it still hinders."""
    paper = answered(asked)
    asked.put("ICBC", paper)
    asked.servers["ICBC"].put(f"{paper.name}.ok", b"0" * 64 + b" 1\n")
    assert (asked.poll("ICBC"), asked.poll("ICBC")) == ([], ["quarantined"])
    (number,) = (row["id"] for row in bench("list")[1]["rows"])
    code, ruled = bench("release", number, "--by", "Wang", "--note", "it fits")
    assert (code, [fault["field"] for fault in ruled["faults"]]) == (REFUSED, [".ok"])
    assert books_are_untouched(asked)


def test_an_answer_that_came_meanwhile_voids_the_release(asked: City, bench: Bench) -> None:
    number = hold(asked, misnamed(asked))
    bench("release", number, "--by", "Wang", "--note", "the name only")
    asked.put("ICBC", asked.result(asked.requests("ICBC")[0], {"A-1": "02"}))
    assert asked.poll("ICBC") == ["taken"]
    code, ruled = bench("release", number, "--approve", "--by", "Li")
    assert code == REFUSED
    assert {fault["code"] for fault in ruled["faults"]} == {"identity-taken"}
    assert posted(asked) == [0, 11800, 11800]


def test_two_checkers_at_the_same_moment_let_it_in_once(asked: City, bench: Bench) -> None:
    number = hold(asked, misnamed(asked))
    bench("release", number, "--by", "Wang", "--note", "the name only")
    with asked.hub.engine.connect() as conn:
        held = quarantine.one(conn, number)
    assert held is not None
    with ThreadPoolExecutor(2) as pool:  # both have seen the file before either decides
        rulings = list(pool.map(lambda by: release(asked.hub, held, by, ""), ("Li", "Zhao")))
    assert sorted(ruling.let_in for ruling in rulings) == [False, True]
    assert posted(asked) == [11800, 10400, 0]
    assert asked.value("select count(*) from collection") == 2


def test_bytes_that_changed_in_the_archive_are_not_released(asked: City, bench: Bench) -> None:
    paper = misnamed(asked)
    number = hold(asked, paper)
    bench("release", number, "--by", "Wang", "--note", "the name only")
    kept = asked.hub.archive.find(sha256(paper.data).hexdigest()).path
    kept.chmod(0o600)
    kept.write_bytes(paper.data.replace(b"|R1", b"|R9"))
    assert bench("release", number, "--approve", "--by", "Li")[0] == 1
    assert books_are_untouched(asked)


# -- correcting -----------------------------------------------------------------------------------------------------


def test_two_persons_hand_in_a_corrected_file(asked: City, bench: Bench, tmp_path: Path) -> None:
    good = answered(asked)
    number = hold(asked, wrong(asked))
    path = handed_over(tmp_path, good)
    code, ruled = bench("correct", number, path, "--by", "Wang", "--note", "by courier, on a disc")
    assert (code, ruled["state"], ruled["file"]) == (AWAITS, "correction-proposed", good.name)
    assert books_are_untouched(asked)
    assert bench("correct", number, path, "--approve", "--by", "Wang")[0] == REFUSED
    code, ruled = bench("correct", number, path, "--approve", "--by", "Li")
    assert (code, ruled["state"]) == (DONE, "corrected")
    assert asked.work("quarantine") == []
    assert posted(asked) == [11800, 10400, 0]
    asked.put("ICBC", good)
    assert asked.poll("ICBC") == ["repeat"]
    assert books_and_files_agree(asked)


def test_an_approval_of_other_content_is_void(asked: City, bench: Bench, tmp_path: Path) -> None:
    number = hold(asked, wrong(asked))
    path = handed_over(tmp_path, answered(asked))
    bench("correct", number, path, "--by", "Wang")
    other = asked.result(asked.requests("ICBC")[0], {"A-1": "02"})
    path.write_bytes(other.data)
    code, ruled = bench("correct", number, path, "--approve", "--by", "Li")
    assert (code, [(fault["field"], fault["code"]) for fault in ruled["faults"]]) == (REFUSED, [("content", "digest")])
    assert books_are_untouched(asked)
    assert [row["state"] for row in bench("list")[1]["rows"]] == ["correction-proposed"]


def test_a_corrected_file_is_checked_like_any_other(asked: City, bench: Bench, tmp_path: Path) -> None:
    """Not even a harmless fault passes by hand; every fault is listed, and nothing is proposed."""
    number = hold(asked, wrong(asked))
    for paper in (misnamed(asked), SPOILED["a line that is missing"](asked), SPOILED["more than was asked"](asked)):
        code, ruled = bench("correct", number, handed_over(tmp_path, paper), "--by", "Wang")
        assert (code, ruled["accepted"], ruled["state"]) == (REFUSED, False, "held")
        assert ruled["faults"]
        assert bench("correct", number, tmp_path / paper.name, "--approve", "--by", "Li")[0] == REFUSED
    assert asked.value("select count(*) from quarantine_decision") == 0
    assert asked.value("select count(*) from file_intake where door = 'bank' and outcome = 'refused'") == 3
    assert books_are_untouched(asked)


def test_what_the_bank_brings_for_a_refused_file_may_come_by_hand(asked: City, bench: Bench, tmp_path: Path) -> None:
    number = hold(asked, wrong(asked))
    bench("refuse", number, "--by", "Wang", "--note", "code 77 is unknown")
    path = handed_over(tmp_path, answered(asked))
    assert bench("correct", number, path, "--by", "Wang")[0] == AWAITS
    assert bench("correct", number, path, "--approve", "--by", "Li")[0] == DONE
    assert posted(asked) == [11800, 10400, 0]


# -- the record -----------------------------------------------------------------------------------------------------


def test_decisions_are_kept_and_traced_by_business_time(asked: City, bench: Bench) -> None:
    paper = misnamed(asked)
    number = hold(asked, paper)
    bench("release", number, "--by", "Wang", "--note", "by telephone")
    asked.time_passes("11-03T11:30")
    bench("release", number, "--approve", "--by", "Li", "--note", "seen")
    digest = sha256(paper.data).hexdigest()
    decisions = [
        ("propose-release", "Wang", "by telephone", "2026-11-03T10:00:00+08:00", digest),
        ("release", "Li", "seen", "2026-11-03T11:30:00+08:00", digest),
    ]
    _, shown = bench("show", number)
    assert [(d["act"], d["by"], d["note"], d["at"], d["sha256"]) for d in shown["decisions"]] == decisions
    archived = Bytes(archive=asked.hub.archive, agency_encoding="utf-8", bank_encoding=CHARSET)
    with asked.hub.engine.connect() as conn:
        stops = follow(conn, paper.name, archived)
    for stop in stops:  # the file as it was quarantined, and as it was let in
        traced = [one for one in stop.then if one.kind == "decision"]
        facts = [one.facts for one in traced]
        assert [(one.name, f["by"], f["note"], f["at"], f["sha256"]) for one, f in zip(traced, facts, strict=True)] == (
            decisions
        )
    assert [(stop.facts["outcome"], stop.facts.get("approved_by")) for stop in stops] == [
        ("quarantined", None), ("accepted", "Li"),
    ]  # fmt: skip


_FORGED = (
    "insert into quarantine_decision (file_id, act, file, sha256, by_whom, decided_at, proposal_id, proposed_by)"
    " select d.file_id, 'release', d.file, {sha256}, {by}, d.decided_at, {proposal}, {proposed_by}"
    " from quarantine_decision d, archived_file f where f.sha256 <> d.sha256 limit 1"
)
ATTEMPTS = {
    "another person": "update quarantine_decision set by_whom = 'Li'",
    "nothing decided": "delete from quarantine_decision",
    "nothing at all": "truncate quarantine_decision",
    "another checker of the file": "update file_intake set approved_by = 'Zhao'",
    "a checker who is the maker": _FORGED.format(
        sha256="d.sha256", by="' WANG'", proposal="d.id", proposed_by="d.by_whom"
    ),
    "another maker": _FORGED.format(sha256="d.sha256", by="'Li'", proposal="d.id", proposed_by="'Zhao'"),
    "approved for other bytes": _FORGED.format(sha256="f.sha256", by="'Li'", proposal="d.id", proposed_by="d.by_whom"),
    "approved without a proposal": _FORGED.format(sha256="d.sha256", by="'Li'", proposal="null", proposed_by="null"),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_the_database_itself_holds_the_record_and_the_two_persons(asked: City, bench: Bench, attempt: str) -> None:
    number = hold(asked, misnamed(asked))
    bench("release", number, "--by", "Wang", "--note", "the name only")
    with pytest.raises(DBAPIError) as stopped, asked.hub.engine.begin() as conn:
        conn.execute(text(ATTEMPTS[attempt]))
    assert isinstance(stopped.value.orig, InsufficientPrivilege | CheckViolation | ForeignKeyViolation)
    assert asked.rows("select act, by_whom from quarantine_decision") == [("propose-release", "Wang")]
