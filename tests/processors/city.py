"""A whole hub in one process, on real PostgreSQL: the agencies' and the banks' doors, the schedule, and a pump for Kafka.

What goes in and out are the bytes of real files, written and read by the simulators' own programs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import text

from hub.app import bank_door, intake, schedule
from hub.app.intake import Answer
from hub.app.settings import load
from hub.app.wiring import Hub
from hub.domain.timetable import TZ
from hub.ledger import calendars, clock
from hub.ledger.database import engine
from hub.ledger.forms import FORMS, Question, fill
from simulators import agency, incomes
from simulators.agency import Again, Bill, Paper, Receipt, Returned
from simulators.amounts import FUNDS, Four, in_order, yuan
from simulators.bank_program import print_result, read_request
from simulators.bank_signing import Signing, exchange_keys
from simulators.bank_work import Asked, Given, Request
from simulators.incomes import Income
from tests.fakes import FakeBankDoor, FakeBankServer, FakeFileArchive
from tests.processors.pump import Pump, Temper

CHAOYANG, HAIDIAN = "110105", "110108"
START = "2026-10-28T08:00"
PERIOD = "2026-11"

_HEAD = """\
[hub]
home = "hub"
[clock]
mode = "manual"
start = "{start}"
[kafka]
bootstrap_servers = "nowhere:9092"
[database]
url = "{url}"
[web]
host = "127.0.0.1"
port = 8600
"""
_AGENCY = """\
[[agencies]]
code = "{code}"
name = "{code}"
"""
_BANK = """\
[[banks]]
code = "{code}"
name = "{code}"
profile = "{profile}"
allow_partial = {partial}
host = "127.0.0.1"
port = 22
username = "hub"
private_key = "keys/{code}"
host_keys = ["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
outbound_dir = "outbound"
inbound_dir = "inbound"
done_dir = "done"
max_lines = {max_lines}
poll_seconds = {poll_seconds}
shadow = {shadow}
"""


@dataclass(frozen=True)
class HubInOneProcess(Hub):
    """The hub as it is wired, but for its banks' servers, which are in memory."""

    folder: Path = field(kw_only=True)
    servers: Mapping[str, FakeBankServer] = field(kw_only=True)
    receipts: Mapping[str, dict[str, str]] = field(kw_only=True)

    @cached_property
    def archive(self) -> Any:
        self.folder.mkdir(exist_ok=True)
        return FakeFileArchive(self.folder)

    def door(self, code: str) -> Any:
        return FakeBankDoor(self.servers[code], self.receipts[code])


def open_city(
    url: str,
    folder: Path,
    temper: Temper | None = None,
    banks: Sequence[str] = ("ICBC", "CCB"),
    no_parts: Sequence[str] = ("CCB",),
    max_lines: int = 500_000,
    start: str = START,
    poll_seconds: int = 5,
    profiles: Mapping[str, str] | None = None,
    signing: Mapping[str, str] | None = None,
    shadow: Sequence[str] = (),
    agencies: Sequence[str] = (CHAOYANG, HAIDIAN),
    days_of_our_own: bool = True,
) -> "City":
    """A city with its agencies and banks, whose books begin on the 28th of October 2026.

    ``days_of_our_own`` False leaves the working days that the database knows.
    """
    folder.mkdir(exist_ok=True)
    written = _HEAD.format(start=start, url=url.replace("+psycopg", ""))
    written += "".join(_AGENCY.format(code=code) for code in agencies)
    signings: dict[str, Signing] = {}
    for code in banks:
        written += _BANK.format(
            code=code,
            profile=(profiles or {}).get(code, "pipe-gb18030"),
            partial="false" if code in no_parts else "true",
            max_lines=max_lines,
            poll_seconds=poll_seconds,
            shadow="true" if code in shadow else "false",
        )
        if signing and code in signing:
            signings[code], keys = exchange_keys(signing[code], folder / "keys", code)
            written += keys
    (folder / "hub.toml").write_text(written, encoding="utf-8")
    servers = {code: FakeBankServer() for code in banks}
    hub = HubInOneProcess(
        load(folder / "hub.toml", {}), folder=folder / "archive", servers=servers, receipts={code: {} for code in banks}
    )
    owner = engine(url, role=None)
    with owner.begin() as conn:
        name = conn.execute(text("select current_database()")).scalar_one()
        conn.execute(
            text(f'alter database "{name}" set synchronous_commit = off')
        )  # no power cuts here: see tests/flow
        if days_of_our_own:
            calendars.replace(conn, calendars.CITY, _days_of_2026())
        clock.set_up(conn, "manual", datetime.fromisoformat(start).replace(tzinfo=TZ))
    owner.dispose()
    return City(hub, Pump(hub, temper), servers, folder, signings)


def _days_of_2026() -> list[tuple[date, bool, str]]:
    """October to January: weekends, the holiday of October with its make-up Saturday, New Year's Day."""
    days = [date.fromordinal(n) for n in range(date(2026, 9, 1).toordinal(), date(2027, 3, 1).toordinal())]
    off = {date(2026, 10, n) for n in range(1, 8)} | {date(2027, 1, 1)}
    make_up = {date(2026, 10, 10)}
    return [(day, day in make_up or (day.weekday() < 5 and day not in off), "") for day in days]


class City:
    """What tests say, and what they look at. Amounts are fen."""

    def __init__(
        self,
        hub: HubInOneProcess,
        pump: Pump,
        servers: Mapping[str, FakeBankServer],
        folder: Path,
        signings: Mapping[str, Signing] | None = None,
    ) -> None:
        self.hub = hub
        self.pump = pump
        self.servers = servers
        self.signings = dict(signings or {})
        self._folder = folder
        self._desks: dict[str, list[Request]] = {code: [] for code in servers}
        self._numbers: dict[tuple[str, ...], int] = {}
        self._banks = schedule.Banks(hub)

    def close(self) -> None:
        self.hub.engine.dispose()

    # -- time -----------------------------------------------------------------------------------------------------

    def advance(self, to: str) -> schedule.Advanced:
        """``hub clock advance``; ``to`` is MM-DDTHH:MM of 2026, or a whole time."""
        return schedule.advance(self.hub, self.moment(to), banks=self._banks)

    def time_passes(self, to: str) -> None:
        """Business time goes on while nobody runs the schedule."""
        with self.hub.engine.begin() as conn:
            clock.move_to(conn, self.moment(to))

    @staticmethod
    def moment(at: str) -> datetime:
        return datetime.fromisoformat(at if at.count("-") == 2 else f"2026-{at}").replace(tzinfo=TZ)

    def today(self) -> date:
        with self.hub.engine.connect() as conn:
            return clock.now(conn).date()

    # -- agencies -------------------------------------------------------------------------------------------------

    def submit(self, paper: Paper) -> Answer:
        """``hub agency submit``."""
        folder = self._folder / "papers"
        folder.mkdir(exist_ok=True)
        path = folder / paper.name
        path.write_bytes(paper.data)
        return intake.submit(self.hub, path)

    def accept(self, paper: Paper) -> Answer:
        answer = self.submit(paper)
        assert answer.accepted, [fault.message for fault in answer.faults]
        return answer

    def dues(self, *bills: Bill, agency_code: str = CHAOYANG, period: str = PERIOD, kind: str = "M") -> Paper:
        number = self._next("dues", agency_code, period, kind)
        return agency.dues(agency_code, period, number, self.today(), bills, kind)

    def again(self, *units: tuple[str, str], agency_code: str = CHAOYANG, period: str = PERIOD) -> Paper:
        """``units``: (unit, mode)."""
        number = self._next("again", agency_code, period)
        chosen = [Again(unit, mode, self.today()) for unit, mode in units]
        return agency.again(agency_code, period, number, self.today(), chosen)

    def receipts(self, *taken: tuple[str, str, int], agency_code: str = CHAOYANG, method: str = "CASH") -> Paper:
        """``taken``: (receipt id, bill, fen), all in cash, or by another method without a number."""
        number = self._next("receipts", agency_code, str(self.today()))
        paid = [Receipt(no, bill, method, "", fen, self.today()) for no, bill, fen in taken]
        return agency.receipts(agency_code, self.today(), number, paid)

    def cheques(self, *taken: tuple[str, str, int], agency_code: str = CHAOYANG) -> Paper:
        """As ``receipts``, all by cheque."""
        number = self._next("receipts", agency_code, str(self.today()))
        paid = [Receipt(no, bill, "CHEQUE", f"00{no[-1]}", fen, self.today()) for no, bill, fen in taken]
        return agency.receipts(agency_code, self.today(), number, paid)

    def returns(self, *back: tuple[str, str, int], agency_code: str = CHAOYANG) -> Paper:
        """``back``: (return id, receipt id, fen), all of today."""
        number = self._next("returns", agency_code, str(self.today()))
        came = [Returned(no, receipt, fen, "存款不足", self.today()) for no, receipt, fen in back]
        return agency.returns(agency_code, self.today(), number, came)

    def incomes(self, *told: Income, agency_code: str = CHAOYANG) -> Paper:
        """Other incomes, told today."""
        return incomes.paper(agency_code, self.today(), self._next("incomes", agency_code, str(self.today())), told)

    def _next(self, *what: str) -> int:
        self._numbers[what] = self._numbers.get(what, 0) + 1
        return self._numbers[what]

    # -- banks ----------------------------------------------------------------------------------------------------

    def requests(self, bank: str) -> list[Request]:
        """The bank takes the request files that lie in its outbound directory, and checks them."""
        outbound = self.servers[bank].outbound
        for name in sorted(name for name in outbound if f"{name}.ok" in outbound):
            if bank in self.signings:
                self.signings[bank].check(name, outbound[name], outbound.pop(f"{name}.sig"))
            self._desks[bank].append(read_request(name, outbound.pop(name), outbound.pop(f"{name}.ok")))
        return self._desks[bank]

    def asked(self, bank: str) -> dict[str, Four]:
        """What the requests on the bank's desk ask: instruction → four funds."""
        return {line.instruction: line.wanted for request in self.requests(bank) for line in request.lines}

    def result(
        self, request: Request, given: Mapping[str, int | str] | None = None, order: Random | None = None
    ) -> Paper:
        """The bank's answer. ``given``: by bill, the fen deducted, or the code why nothing was; the others pay in full."""
        said = given or {}
        lines = [_given(asked, said.get(asked.instruction[:-2])) for asked in request.lines]
        if order is not None:
            order.shuffle(lines)
        day = self.today()
        return print_result(request, lines, day, self._next("result", request.bank, str(day)))

    def put(self, bank: str, paper: Paper) -> None:
        """A file, its signature where the bank signs, and its ``.ok`` in the bank's inbound directory."""
        self.servers[bank].put(paper.name, paper.data)
        if bank in self.signings:
            self.servers[bank].put(f"{paper.name}.sig", self.signings[bank].sign(paper.name, paper.data))
        self.servers[bank].put(f"{paper.name}.ok", f"{sha256(paper.data).hexdigest()} {len(paper.data)}\n".encode())

    def answer(self, bank: str, given: Mapping[str, int | str] | None = None) -> list[Paper]:
        """The bank answers everything on its desk; the hub has not looked yet."""
        papers = [self.result(request, given) for request in self.requests(bank)]
        self._desks[bank].clear()
        for paper in papers:
            self.put(bank, paper)
        return papers

    def poll(self, bank: str) -> list[str]:
        """``hub bank poll``: outcomes."""
        return [polled.outcome for polled in bank_door.poll(self.hub, bank, self.hub.door(bank))]

    def change(
        self, bank: str, *lines: tuple[str, int, int, str], number: int | None = None, reason: str = "冲正"
    ) -> Paper:
        """The bank's file of changed answers. ``lines``: (instruction, fen before, fen now, code now)."""
        day, told = self.today(), [0] * 6
        body = [f"H|CHANGE|1|{bank}|{day}"]
        for place, (instruction, before, now, code) in enumerate(lines, 1):
            ((batch_no, line, unit, *wanted),) = self.rows(
                f"""
                select t.batch_no, l.line, b.unit, {", ".join(f"i.{fund}" for fund in FUNDS)} from instruction i
                join batch_line l on l.instruction_id = i.id join batch t on t.id = l.batch_id
                join bill b on b.id = i.bill_id where i.instruction_no = :instruction
                """,
                instruction=instruction,
            )
            amounts = [before, now, *in_order(now, tuple(wanted))]
            told = [sofar + more for sofar, more in zip(told, amounts, strict=True)]
            money = "|".join(map(yuan, amounts))
            body.append(f"D|{batch_no}|{line}|{instruction}|{unit}|{money}|{code}|REF{place}|{reason}")
        body.append("|".join(("T", str(len(lines)), *map(yuan, told))))
        seq = self._next("change", bank, str(day)) if number is None else number
        name = f"GZ_{bank}_{day:%Y%m%d}_{seq:04d}.txt"
        return Paper(name, "".join(f"{line}\n" for line in body).encode("gb18030"))

    # -- the month, quickly ---------------------------------------------------------------------------------------

    def first_deduction(self, **answers: Mapping[str, int | str]) -> None:
        """To the 5th of November: the banks named have answered in the first session and are posted."""
        self.advance("11-02T09:10")
        self.advance("11-03T10:00")
        for bank, given in answers.items():
            self.answer(bank, given)
        self.advance("11-05T09:00")

    def second_deduction(self, **answers: Mapping[str, int | str]) -> None:
        """To the 24th of November: the banks named have answered in the second session and are posted."""
        self.advance("11-20T14:10")
        for bank, given in answers.items():
            self.answer(bank, given)
        self.advance("11-24T09:00")

    # -- looking --------------------------------------------------------------------------------------------------

    def rows(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        with self.hub.engine.connect() as conn:
            return [tuple(row) for row in conn.execute(text(query), values)]

    def value(self, query: str, **values: object) -> Any:
        ((found,),) = self.rows(query, **values)
        return found

    def collected(self, bill: str) -> Four:
        """What is on a bill."""
        sums = ", ".join(f"coalesce(sum(c.{fund}), 0)::bigint" for fund in FUNDS)
        query = f"select {sums} from bill b left join collection c on c.bill_id = b.id where b.bill_no = :bill"
        ((pension, unemployment, injury, maternity),) = self.rows(query, bill=bill)
        return pension, unemployment, injury, maternity

    def form(self, name: str, **question: Any) -> dict[str, Any]:
        """``hub export``."""
        with self.hub.engine.connect() as conn:
            return dict(fill(conn, FORMS[name], Question(**question)).as_json())

    def total(self, name: str, measure: str, **question: Any) -> tuple[int, int]:
        """(count, fen) of a form's measure, all rows added up."""
        found = self.form(name, **question)["total"][measure]
        return int(found["count"]), int(found["total"])

    def status(self, bill: str) -> str:
        """``hub export unit``: where a bill stands."""
        unit = self.value("select unit from bill where bill_no = :bill", bill=bill)
        (found,) = (row["status"] for row in self.form("unit", unit=unit)["rows"] if row["bill"] == bill)
        return str(found)

    def work(self, queue: str) -> list[dict[str, Any]]:
        """Open work items of a queue."""
        with self.hub.engine.connect() as conn:
            found = conn.execute(
                text("select * from work_item where queue = :queue and state = 'open' order by id"), {"queue": queue}
            )
            return [dict(row) for row in found.mappings()]

    def arrears_told(self) -> dict[tuple[str, str], int]:
        """What a reader of the topics makes of arrears: opened less settled, fen by period and unit, each event once."""
        units = dict(self.rows("select bill_no, unit from bill"))
        found: dict[tuple[str, str], int] = {}
        for event in {each.event_id: each for each in self.pump.seen}.values():
            sign = {"arrears-opened": 1, "arrears-settled": -1}.get(event.topic.title)
            if sign is not None:
                record = event.record
                for bill_no, *amounts in zip(record["bills"], *(record[fund] for fund in FUNDS), strict=True):
                    place = (record["period"], units[bill_no])
                    found[place] = found.get(place, 0) + sign * sum(amounts)
        return {place: fen for place, fen in sorted(found.items()) if fen}

    def arrears_outstanding(self) -> dict[tuple[str, str], int]:
        """``hub export arrears``: fen outstanding by period and unit."""
        rows = self.form("arrears")["rows"]
        return {(row["period"], row["unit"]): row["outstanding"]["total"] for row in rows}

    def books(self) -> dict[str, list[tuple[Any, ...]]]:
        """All the books, without the numbers that only say in which order rows were written: what must always agree."""
        with self.hub.engine.connect() as conn:
            found = {name: [tuple(row) for row in conn.execute(text(query))] for name, query in _BOOKS.items()}
            for name, form in FORMS.items():
                for period in (PERIOD, "2026-12"):
                    if name != "unit":
                        question = Question(period=period, as_of="2026-12-31" if name == "late-fees" else None)
                        found[f"{name} {period}"] = [tuple(fill(conn, form, question).rows)]
        return found


_AMOUNTS = "{0}.pension, {0}.unemployment, {0}.injury, {0}.maternity"
_BOOKS: Mapping[str, str] = {
    "journal": """
        select e.level, e.what, e.agency, e.cause, e.booking_period, e.business_date, p.account, p.fund, p.side, p.amount_fen
        from journal_entry e left join journal_posting p on p.entry_id = e.id order by 1, 2, 3, 4, p.n
    """,
    "collections": f"""
        select b.bill_no, c.source, t.batch_no, coalesce(c.line, v.line), r.receipt_no, v.return_no, v.version,
               {_AMOUNTS.format("c")}, c.booking_period, c.business_date
        from collection c join bill b on b.id = c.bill_id left join receipt r on r.id = c.receipt_id
        left join reversal v on v.id = c.reversal_id left join batch t on t.id = coalesce(c.batch_id, v.batch_id)
        order by 1, 2, 3, 4, 5, 6, 7
    """,
    "suspense": f"""
        select t.batch_no, coalesce(s.line, v.line), b.bill_no, s.source, v.version, {_AMOUNTS.format("s")}, s.booking_period
        from suspense s join bill b on b.id = s.bill_id left join reversal v on v.id = s.reversal_id
        join batch t on t.id = coalesce(s.batch_id, v.batch_id) order by 1, 2, 3, 4, 5
    """,
    "arrears": f"""
        select b.bill_no, a.agency, a.unit, a.period, {_AMOUNTS.format("a")}, a.in_doubt, a.opened_on
        from arrears a join bill b on b.id = a.bill_id order by 1
    """,
    "reversals": """
        select v.what, v.return_no, r.receipt_no, b.bill_no, v.line, v.version, n.deducted_before, n.deducted, n.code,
               v.amount, v.reason, v.dated_on, v.booking_period, v.accepted_at
        from reversal v join bill b on b.id = v.bill_id left join receipt r on r.id = v.receipt_id
        left join changed_answer n on n.reversal_id = v.id order by 1, 2, 3, 4, 5, 6
    """,
    "instructions": f"select i.instruction_no, {_AMOUNTS.format('i')}, i.bank from instruction i order by 1",
    "batches": """
        select batch_no, file_name, lines, total, hash_total, state, request_sha256, booking_period, posting_date, late,
               posted_lines from batch order by 1
    """,
    "notices": """
        select t.batch_no, n.agency, n.supplementary, n.requested, n.arrived_count, n.arrived, n.unarrived, n.suspense, n.event_id
        from notice n join batch t on t.id = n.batch_id order by 1, 2
    """,
    "incomes": f"""
        select i.income_no, i.agency, i.item, i.unit, i.period, {_AMOUNTS.format("i")}, i.received_on, i.booking_period
        from other_income i order by 1
    """,
    "income closes": "select period, agency, item, booked_count, booked from other_income_close order by 1, 2, 3",
    "cancellations": """
        select b.bill_no, x.reason, x.cause, x.cancelled_at, x.booking_period from cancellation x join bill b on b.id = x.bill_id
        order by 1
    """,
    "certificates": "select number, day, content, previous, sha256 from tie_out order by 1",
    "closes": "select period, agency, due, arrived_count, arrived, arrears_count, arrears from period_close order by 1, 2",
    "outbox": """
        select topic, event_id, key, subject, lines, md5(payload) from outbox where topic not like '%work-item%' order by 1, 2
    """,
    "work": "select queue, agency, bank, file, line, field, about, state from work_item order by 1, 7, 8",
}


def _given(asked: Asked, said: int | str | None) -> Given:
    whole = sum(asked.wanted)
    if said is None:
        return Given(asked, whole, "00", f"R{asked.line}")
    if isinstance(said, str):
        return Given(asked, 0, said, f"R{asked.line}")
    return Given(asked, said, "00" if said == whole else "01", f"R{asked.line}")


def bill(no: str, unit: int, due: Four, bank: str = "ICBC", agency_code: str = CHAOYANG) -> Bill:
    """A monthly bill; ``bank`` '' makes it sporadic. ``unit`` is the last digits of the unit's number."""
    number = f"{agency_code}{unit:06d}"
    account = f"0200{number}" if bank else ""
    name = f"第{unit}纺织厂"
    return Bill(no, number, name, "B" if bank else "S", bank, account, name if bank else "", due)


def unit_of(number: int, agency_code: str = CHAOYANG) -> str:
    return f"{agency_code}{number:06d}"


def waterfall(fen: int, due: Four) -> Four:
    """The statutory split, worked out by the simulators' own arithmetic."""
    return in_order(fen, due)
