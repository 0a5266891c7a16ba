"""A collection month put into the books by plain SQL, and what the desk must say of it, added up otherwise."""

import json
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from hub.ledger import calendars

BEIJING: Final = ZoneInfo("Asia/Shanghai")
PERIOD: Final = "2026-12"
AGENCIES: Final = {
    "110101": "东城区社会保险基金管理中心",
    "110105": "朝阳区社会保险基金管理中心",
    "110108": "海淀区社会保险基金管理中心",
    "110111": "房山区社会保险事业管理中心",
}
BANKS: Final = {"BOC": "中国银行北京市分行", "CCB": "中国建设银行北京市分行", "ICBC": "中国工商银行北京市分行"}
FUNDS: Final = ("pension", "unemployment", "injury", "maternity")
Four = tuple[int, int, int, int]
NOTHING: Final[Four] = (0, 0, 0, 0)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """Business time in the month."""
    return datetime(2026, 12, day, hour, minute, tzinfo=BEIJING)


def plus(one: Four, other: Four) -> Four:
    return (one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3])


def less(one: Four, other: Four) -> Four:
    return (one[0] - other[0], one[1] - other[1], one[2] - other[2], one[3] - other[3])


@dataclass
class Bill:
    """A bill as stored, with what has come in on it."""

    id: int
    agency: str
    bank: str
    due: Four
    came: Four = NOTHING


@dataclass
class Rows:
    """Writes rows as the hub's processors would leave them, and keeps its own sums beside."""

    conn: Connection
    chance: Random
    bills: list[Bill] = field(default_factory=list)
    requested: Counter[int] = field(default_factory=Counter)  # round → fen
    collected: int = 0
    received: int = 0
    suspense: int = 0
    arrears: int = 0
    batches: dict[tuple[str, int], tuple[int, list[Bill]]] = field(default_factory=dict)

    @property
    def due(self) -> int:
        return sum(sum(bill.due) for bill in self.bills)

    @property
    def open(self) -> int:
        return self.due - self.collected - self.received

    def run(self, query: str, **values: Any) -> Any:
        found = self.conn.execute(text(query), values)
        return found.scalar_one() if found.returns_rows else None

    def clock(self, now: datetime) -> None:
        self.run("delete from business_clock")
        self.run(
            "insert into business_clock (mode, started_at, now_at) values ('manual', :began, :now)",
            began=datetime(2026, 11, 28, 8, tzinfo=BEIJING), now=now,
        )  # fmt: skip

    def begin(self) -> None:
        """The clock and the working days."""
        self.clock(datetime(2026, 11, 28, 8, tzinfo=BEIJING))
        first = date(2026, 11, 1)
        days = [first + timedelta(days=n) for n in range(100)]
        calendars.replace(self.conn, calendars.CITY, [(day, day.weekday() < 5, "") for day in days])

    def file(self, door: str, party: str, name: str, when: datetime, outcome: str = "accepted", **more: Any) -> int:
        digest = uuid.uuid4().hex * 2
        self.run("insert into archived_file (sha256, size) values (:digest, 1)", digest=digest)
        number: int = self.run(
            "insert into file_intake (door, party, name, sha256, received_at, outcome, identity, lines, total)"
            " values (:door, :party, :name, :digest, :when, :outcome, :identity, :lines, :total) returning id",
            door=door, party=party, name=name, digest=digest, when=when, outcome=outcome,
            identity=name if outcome == "accepted" else None, lines=more.get("lines", 0), total=more.get("total", 0),
        )  # fmt: skip
        return number

    def dues(self, agency: str, when: datetime, count: int, *, sporadic: int = 0) -> list[Bill]:
        """A dues file: ``count`` bills by bank, ``sporadic`` without one."""
        number = self.file("agency", agency, f"DUES_{agency}_{PERIOD}_M_{uuid.uuid4().hex[:6]}.txt", when, lines=count)
        made = [self._bill(agency, number, line, by_bank=line < count) for line in range(count + sporadic)]
        self.bills += made
        return made

    def _bill(self, agency: str, file: int, line: int, *, by_bank: bool) -> Bill:
        bank = self.chance.choice(sorted(BANKS)) if by_bank else ""
        base = self.chance.randint(100_000, 90_000_000)
        due = (base * 28 // 100, base * 2 // 100, base // 100, base * 8 // 1000)
        unit = f"{agency}{self.chance.randrange(10**6):06d}"
        while self.run("select count(*) from bill where unit = :unit", unit=unit):
            unit = f"{agency}{self.chance.randrange(10**6):06d}"
        number: int = self.run(
            "insert into bill (bill_no, period, kind, agency, unit, unit_name, mode, bank, account, account_name,"
            " pension, unemployment, injury, maternity, total, shard, file_id, line, accepted_at)"
            " values (:no, :period, 'M', :agency, :unit, '某某公司', :mode, :bank, '', '',"
            " :p, :u, :i, :m, :total, 0, :file, :line, now()) returning id",
            no=uuid.uuid4().hex[:30].upper(), period=PERIOD, agency=agency, unit=unit, mode="B" if by_bank else "S",
            bank=bank, p=due[0], u=due[1], i=due[2], m=due[3], total=sum(due), file=file, line=line + 1,
        )  # fmt: skip
        return Bill(number, agency, bank, due)

    def step(self, step: str, when: datetime, round_: int = 0, bank: str = "") -> None:
        self.run(
            "insert into step_done (period, step, round, bank, due_at, done_at)"
            " values (:period, :step, :round, :bank, :at, :at)",
            period=PERIOD, step=step, round=round_, bank=bank, at=when,
        )  # fmt: skip

    def declare(self, round_: int) -> None:
        """财表六: everything not paid that has a bank is asked for."""
        for agency in AGENCIES:
            for bank in BANKS:
                asked = [b for b in self.bills if (b.agency, b.bank) == (agency, bank) and b.came != b.due]
                if asked:
                    four = self._total(less(bill.due, bill.came) for bill in asked)
                    self.requested[round_] += sum(four)
                    self.run(
                        "insert into declaration"
                        " values (:period, :round, :agency, :bank, 'M', :n, :p, :u, :i, :m, :event)",
                        period=PERIOD, round=round_, agency=agency, bank=bank, n=len(asked), event=uuid.uuid4(),
                        p=four[0], u=four[1], i=four[2], m=four[3],
                    )  # fmt: skip

    def batch(self, bank: str, round_: int, day: date, state: str = "BATCHED") -> None:
        """财表七: one file for a bank."""
        asked = [bill for bill in self.bills if bill.bank == bank and bill.came != bill.due]
        four = self._total(less(bill.due, bill.came) for bill in asked)
        number: int = self.run(
            "insert into batch (batch_no, bank, period, round, business_date, seq, file_name, lines, pension,"
            " unemployment, injury, maternity, total, hash_total, partial, state)"
            " values (:no, :bank, :period, :round, :day, 1, :name, :n, :p, :u, :i, :m, :total, 0, true, :state)"
            " returning id",
            no=f"{bank}{day:%Y%m%d}0001", bank=bank, period=PERIOD, round=round_, day=day, n=len(asked), p=four[0],
            u=four[1], i=four[2], m=four[3], total=sum(four), state=state, name=f"DK_{bank}_{day:%Y%m%d}_0001.txt",
        )  # fmt: skip
        self.batches[bank, round_] = (number, asked)

    def send(self, bank: str, round_: int, when: datetime) -> None:
        number = self.batches[bank, round_][0]
        digest = uuid.uuid4().hex * 2
        self.run("insert into archived_file (sha256, size) values (:digest, 1)", digest=digest)
        self.run(
            "insert into bank_file_receipt (batch_id, name, size, sha256, host_key, sent_at)"
            " select id, file_name, 1, :digest, 'SHA256:x', :at from batch where id = :id",
            id=number, digest=digest, at=when,
        )  # fmt: skip
        self.state(bank, round_, "SENT")

    def state(self, bank: str, round_: int, state: str, posted_share: int = 0) -> None:
        self.run(
            "update batch set state = :state, posted_lines = lines * :share / 100 where id = :id",
            id=self.batches[bank, round_][0], state=state, share=posted_share,
        )  # fmt: skip

    def answer(self, bank: str, round_: int, when: datetime) -> None:
        number, asked = self.batches[bank, round_]
        name = f"HD_{bank}_{when:%Y%m%d}_0001.txt"
        file = self.file("bank", bank, name, when, lines=len(asked), total=sum(sum(b.due) for b in asked))
        self.run("update batch set result_file_id = :file where id = :id", file=file, id=number)
        self.state(bank, round_, "ANSWERED")

    def post(self, bank: str, round_: int, *, failing: float = 0.1, beyond: Four = NOTHING) -> None:
        """表二十七 for every agency of the batch; ``beyond`` came too much at the first agency."""
        number, asked = self.batches[bank, round_]
        for agency in sorted({bill.agency for bill in asked}):
            mine = [bill for bill in asked if bill.agency == agency]
            paid = [bill for bill in mine if self.chance.random() >= failing]
            arrived = self._total(less(bill.due, bill.came) for bill in paid)
            wanted = self._total(less(bill.due, bill.came) for bill in mine)
            for bill in paid:
                bill.came = bill.due
            self.collected += sum(arrived) - sum(beyond)
            self.suspense += sum(beyond)
            self.run(
                "insert into notice (batch_id, agency, supplementary, requested_count, requested, arrived_count,"
                " arrived, unarrived_count, unarrived, suspense, event_id)"
                " values (:id, :agency, false, :n, :w, :a, :arrived, :o, :open, :beyond, :event)",
                id=number, agency=agency, n=len(mine), w=list(wanted), a=len(paid), arrived=list(arrived),
                o=len(mine) - len(paid), open=list(less(wanted, arrived)), beyond=list(beyond), event=uuid.uuid4(),
            )  # fmt: skip
            beyond = NOTHING
        self.state(bank, round_, "POSTED", 100)

    def receipts(self, agency: str, when: datetime) -> None:
        """Every sporadic bill of an agency is paid at its counter."""
        paid = [bill for bill in self.bills if bill.agency == agency and not bill.bank and bill.came != bill.due]
        name = f"RCPT_{agency}_{when:%Y%m%d}_{uuid.uuid4().hex[:4]}.txt"
        file = self.file("agency", agency, name, when, lines=len(paid))
        entry: int = self.run(
            "insert into journal_entry (level, agency, what, cause, booking_period, business_date)"
            " values ('AGENCY', :agency, 'receipt', :name, :period, :day) returning id",
            agency=agency, name=name, period=PERIOD, day=when.date(),
        )  # fmt: skip
        for line, bill in enumerate(paid, 1):
            receipt: int = self.run(
                "insert into receipt (receipt_no, bill_id, agency, method, cheque_no, amount, received_on, file_id,"
                " line, accepted_at)"
                " values (:no, :bill, :agency, 'CASH', '', :amount, :day, :file, :line, :at) returning id",
                no=uuid.uuid4().hex, bill=bill.id, agency=agency, amount=sum(bill.due), day=when.date(), file=file,
                line=line, at=when,
            )  # fmt: skip
            self.run(
                "insert into collection (bill_id, source, receipt_id, pension, unemployment, injury, maternity,"
                " booking_period, business_date, entry_id)"
                " values (:bill, 'RECEIPT', :receipt, :p, :u, :i, :m, :period, :day, :entry)",
                bill=bill.id, receipt=receipt, p=bill.due[0], u=bill.due[1], i=bill.due[2], m=bill.due[3],
                period=PERIOD, day=when.date(), entry=entry,
            )  # fmt: skip
            bill.came = bill.due
            self.received += sum(bill.due)

    def close(self) -> None:
        """财表一: what has not come in is arrears."""
        for agency in AGENCIES:
            mine = [bill for bill in self.bills if bill.agency == agency]
            due, came = self._total(b.due for b in mine), self._total(b.came for b in mine)
            late = [bill for bill in mine if bill.came != bill.due]
            self.arrears += sum(less(due, came))
            self.run(
                "insert into period_close values"
                " (:period, :agency, :at, :n, :due, :a, :came, :late, :arrears)",
                period=PERIOD, agency=agency, at=at(31, 23), n=len(mine), due=list(due), a=len(mine) - len(late),
                came=list(came), late=len(late), arrears=list(less(due, came)),
            )  # fmt: skip

    def work_item(self, summary: str, when: datetime, **more: Any) -> int:
        item: int = self.run(
            "insert into work_item (queue, agency, bank, file, line, summary, detail, about, opened_at)"
            " values (:queue, :agency, :bank, :file, :line, :summary, :detail, :about, :at) returning id",
            queue=more.get("queue", "quarantine"), agency=more.get("agency", ""), bank=more.get("bank", ""),
            file=more.get("file", ""), line=more.get("line"), summary=summary, detail=json.dumps({}),
            about=uuid.uuid4().hex, at=when,
        )  # fmt: skip
        return item

    @staticmethod
    def _total(amounts: Any) -> Four:
        total = NOTHING
        for four in amounts:
            total = plus(total, four)
        return total


def first_session(rows: Rows, bills_each: int = 12) -> None:
    """The month up to the first posting: one bank posted, one at it, one silent."""
    rows.begin()
    for agency in AGENCIES:
        rows.dues(agency, datetime(2026, 11, 30, 10, tzinfo=BEIJING), bills_each, sporadic=bills_each // 6)
    rows.declare(1)
    rows.step("upload-close", at(1, 18), 1)
    rows.step("city-batch", at(2, 9), 1)
    for bank in BANKS:
        rows.batch(bank, 1, date(2026, 12, 2))
        rows.send(bank, 1, at(2, 9))
    for bank in ("BOC", "ICBC"):
        rows.answer(bank, 1, at(3, 16))
    for bank in BANKS:
        rows.step("results-due", at(3, 20), 1, bank)
    silent = "DK_CCB_20261202_0001.txt"
    rows.work_item(f"回盘逾期: {silent}", at(3, 20), queue="late", bank="CCB", file=silent)
    rows.step("posting", at(4, 9), 1, "BOC")
    rows.post("BOC", 1, beyond=(5000, 0, 0, 0))
    rows.state("ICBC", 1, "POSTING", 60)
    rows.receipts("110105", at(4, 11))
    rows.clock(at(4, 11, 30))
