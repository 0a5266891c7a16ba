"""A little month, put into the books row by row with arithmetic of its own: what forms and proofs are tried on.

Ten bills, two agencies, two banks. December 2026: ICBC answers in both sessions, CCB only in January, so late.
    A-1  paid in full in the first session        A-5  sporadic, its cheque came back
    A-2  paid in part, asked again, refused       A-6  sporadic, paid by cheque
    A-3  refused, then paid in cash               A-7  not answered until January, then refused
    A-4  not answered until January, then in part A-8  not answered, paid by collection; late money is too much
    B-1  January's bill of A-1's unit, not asked for yet
"""

import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from psycopg.types.range import Range
from sqlalchemy import Connection, text

import topics
from hub.domain.ids import shard_of
from hub.domain.posting import Account
from hub.ledger import clock
from hub.ports import Archived, FileArchive
from hub.wire.events import NAMESPACE

FUNDS = ("pension", "unemployment", "injury", "maternity")
SHANGHAI = ZoneInfo("Asia/Shanghai")
Funds = tuple[int, int, int, int]
Moves = Sequence[tuple[Account, str, Funds]]
NONE: Funds = (0, 0, 0, 0)

BILLS = """
    A-1 2026-12 110101 110101000001 B ICBC  10000 1000  500  300
    A-2 2026-12 110101 110101000002 B ICBC  20000 2000 1000  600
    A-6 2026-12 110101 110101000006 S -     60000 6000 3000 1800
    A-7 2026-12 110101 110101000007 B CCB   70000 7000 3500 2100
    A-8 2026-12 110101 110101000008 B CCB   80000 8000 4000 2400
    A-3 2026-12 110105 110105000003 B ICBC  30000 3000 1500  900
    A-4 2026-12 110105 110105000004 B CCB   40000 4000 2000 1200
    A-5 2026-12 110105 110105000005 S -     50000 5000 2500 1500
    B-1 2027-01 110101 110101000001 B ICBC  10000 1000  500  300
"""


def at(day: str, hour: int = 9) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=SHANGHAI)


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def added(amounts: Iterable[Sequence[int]]) -> Funds:
    p, u, i, m = (sum(column) for column in zip(NONE, *amounts, strict=True))
    return p, u, i, m


@dataclass
class FolderArchive:
    """The archive as the port asks for it: one file a digest."""

    folder: Path

    def store(self, source: BinaryIO) -> Archived:
        data = source.read()
        digest = hashlib.sha256(data).hexdigest()
        (self.folder / digest).write_bytes(data)
        return self.find(digest)

    def find(self, sha256: str) -> Archived:
        path = self.folder / sha256
        return Archived(sha256, path.stat().st_size, path)


@dataclass
class Bill:
    id: int
    no: str
    period: str
    agency: str
    unit: str
    mode: str
    bank: str
    due: Funds
    paid: Funds = NONE

    @property
    def account(self) -> str:
        return f"0200{self.unit}" if self.mode == "B" else ""

    @property
    def holder(self) -> str:
        return f"第{self.unit[-1]}厂" if self.mode == "B" else ""


@dataclass
class Batch:
    id: int
    number: str
    bank: str
    period: str
    round: int
    file: str
    lines: list[tuple[int, Bill, Funds]]  # instruction id, bill, requested


@dataclass
class LittleMonth:
    conn: Connection
    archive: FileArchive
    bills: dict[str, Bill] = field(default_factory=dict)
    batches: dict[str, Batch] = field(default_factory=dict)

    # ── rows ────────────────────────────────────────────────────────────────────────────────────────────────────
    def insert(self, table: str, returning: str = "", **values: Any) -> Any:
        columns = ", ".join(f'"{name}"' for name in values)
        bound = ", ".join(f":{name}" for name in values)
        query = f"insert into {table} ({columns}) values ({bound})"
        result = self.conn.execute(text(query + (f" returning {returning}" if returning else "")), values)
        return result.scalar_one() if returning else None

    def event(self, title: str, key: str, subject: str, when: datetime) -> UUID:
        """An event that everyone concerned has taken."""
        topic = topics.by_name(f"settle.{title}.v1")
        event_id = uuid5(NAMESPACE, f"{topic.name}|{subject}")
        self.insert(
            "outbox", event_id=event_id, topic=topic.name, key=key, payload=b"", subject=subject, lines=1,
            occurred_at=when, awaiting=0, published=1, published_at=when,
        )  # fmt: skip
        for offset, consumer in enumerate(topic.settled_by):
            self.insert(
                "inbox", consumer=consumer, event_id=event_id, topic=topic.name, partition=0, offset=offset,
                settles=event_id,
            )  # fmt: skip
        return event_id

    def keep(self, name: str, data: bytes) -> Archived:
        found = self.archive.store(io.BytesIO(data))
        self.conn.execute(
            text("insert into archived_file (sha256, size) values (:sha, :size) on conflict do nothing"),
            {"sha": found.sha256, "size": found.size},
        )
        return found

    def came_in(
        self, door: str, party: str, name: str, data: bytes, *, identity: str, lines: int, total: int, when: datetime
    ) -> int:
        kept = self.keep(name, data)
        return int(self.insert(
            "file_intake", "id", door=door, party=party, name=name, sha256=kept.sha256, received_at=when,
            outcome="accepted", identity=identity, lines=lines, total=total,
        ))  # fmt: skip

    def entry(self, *, level: str, agency: str, what: str, cause: str, day: str, moves: Moves) -> int:
        number = int(self.insert(
            "journal_entry", "id", level=level, agency=agency, what=what, cause=cause, booking_period=day[:7],
            business_date=date.fromisoformat(day),
        ))  # fmt: skip
        postings = [
            (account, fund, side, amount)
            for account, side, amounts in moves
            for fund, amount in zip(FUNDS, amounts, strict=True)
            if amount
        ]
        for n, (account, fund, side, amount) in enumerate(postings, start=1):
            self.insert(
                "journal_posting", entry_id=number, n=n, account=account.value, fund=fund, side=side, amount_fen=amount
            )
        return number

    def done(self, period: str, step: str, day: str, round_: int = 0, bank: str = "") -> None:
        self.insert("step_done", period=period, step=step, round=round_, bank=bank, due_at=at(day), done_at=at(day))

    # ── the month ───────────────────────────────────────────────────────────────────────────────────────────────
    def happen(self) -> "LittleMonth":
        clock.set_up(self.conn, "manual", at("2027-01-06"))
        self.dues("110101", "2026-12", "2026-11-28")
        self.dues("110105", "2026-12", "2026-11-28")
        self.dues("110101", "2027-01", "2026-12-28")
        self.request(
            "2026-12",
            1,
            {name: self.bills[name].due for name in ("A-1", "A-2", "A-3", "A-4", "A-7", "A-8")},
            "2026-12-01",
        )
        self.batch("ICBC", "2026-12", 1, "2026-12-02", ("A-1", "A-2", "A-3"))
        self.batch("CCB", "2026-12", 1, "2026-12-02", ("A-4", "A-7", "A-8"))
        self.done("2026-12", "city-batch", "2026-12-02", 1)
        self.answer(
            "ICBC-1", "2026-12-03", "2026-12-04", late=False,
            answers={"A-3": ("02", NONE), "A-1": ("00", (10000, 1000, 500, 300)), "A-2": ("01", (20000, 500, 0, 0))},
        )  # fmt: skip
        for bank in ("ICBC", "CCB"):
            self.done("2026-12", "posting", "2026-12-04", 1, bank)
        self.receipts("110105", "2026-12-10", {"R-1": ("A-3", "CASH"), "R-5": ("A-5", "CHEQUE")})
        self.returns("110105", "2026-12-14", {"T-5": "R-5"})
        self.receipts("110101", "2026-12-11", {"R-2": ("A-6", "CHEQUE"), "R-3": ("A-8", "COLLECTION")})
        self.again("110101", "2026-12", "2026-12-08", {"A-2": "B"})
        self.again("110105", "2026-12", "2026-12-08", {"A-3": "S"})
        self.request("2026-12", 2, {"A-2": (0, 1500, 1000, 600)}, "2026-12-21")
        self.batch("ICBC", "2026-12", 2, "2026-12-21", ("A-2",))
        self.done("2026-12", "city-batch", "2026-12-21", 2)
        self.answer("ICBC-2", "2026-12-21", "2026-12-22", late=False, answers={"A-2": ("02", NONE)})
        for bank in ("ICBC", "CCB"):
            self.done("2026-12", "posting", "2026-12-22", 2, bank)
        self.close("2026-12", "2026-12-31", in_doubt=("A-4", "A-7", "A-8"))
        self.answer(
            "CCB-1", "2027-01-05", "2027-01-05", late=True,
            answers={"A-4": ("01", (40000, 2000, 0, 0)), "A-7": ("03", NONE), "A-8": ("00", (80000, 8000, 4000, 2400))},
        )  # fmt: skip
        return self

    def dues(self, agency: str, period: str, day: str) -> None:
        rows = [row.split() for row in BILLS.strip().splitlines()]
        mine = [row for row in rows if row[1] == period and row[2] == agency]
        made = [
            Bill(0, no, period, agency, unit, mode, bank.replace("-", ""), added([[int(each) for each in funds]]))
            for no, _, _, unit, mode, bank, *funds in mine
        ]
        lines = [f"H|DUES|1|{agency}|{period}|M|0001|{day}"]
        for line, bill in enumerate(made, start=1):
            lines.append("|".join((
                "D", str(line), bill.no, bill.unit, f"单位{bill.unit[-1]}", bill.mode, bill.bank, bill.account,
                bill.holder, *map(yuan, bill.due), yuan(sum(bill.due)), "",
            )))  # fmt: skip
        for mode, bank in sorted({(bill.mode, bill.bank) for bill in made}):
            group = [bill.due for bill in made if (bill.mode, bill.bank) == (mode, bank)]
            sums = added(group)
            lines.append("|".join(("C", mode, bank, str(len(group)), *map(yuan, sums), yuan(sum(sums)))))
        body = "".join(f"{line}\n" for line in lines).encode()
        total = sum(sum(bill.due) for bill in made)
        data = body + f"T|{len(made)}|{yuan(total)}|{hashlib.sha256(body).hexdigest()}\n".encode()
        identity = f"DUES/{agency}/{period}/M/0001"
        file_id = self.came_in(
            "agency",
            agency,
            f"DUES_{agency}_{period}_M_0001.txt",
            data,
            identity=identity,
            lines=len(made),
            total=total,
            when=at(day),
        )
        for line, bill in enumerate(made, start=1):
            bill.id = self.insert(
                "bill", "id", bill_no=bill.no, period=period, kind="M", agency=agency, unit=bill.unit,
                unit_name=f"单位{bill.unit[-1]}", mode=bill.mode, bank=bill.bank, account=bill.account,
                account_name=bill.holder, **dict(zip(FUNDS, bill.due, strict=True)), total=sum(bill.due),
                shard=shard_of(bill.unit), file_id=file_id, line=line, accepted_at=at(day),
            )  # fmt: skip
            self.bills[bill.no] = bill
        all_due = added(bill.due for bill in made)
        self.entry(
            level="AGENCY",
            agency=agency,
            what="dues",
            cause=identity,
            day=day,
            moves=[(Account.MEMO_DUES, "D", all_due), (Account.MEMO_CONTRA, "C", all_due)],
        )

    def again(self, agency: str, period: str, day: str, named: dict[str, str]) -> None:
        """A second collection: whom the agency asks the banks for once more (B), and who pays it directly (S)."""
        lines = [f"H|AGAIN|1|{agency}|{period}|0001|{day}"]
        lines += [f"D|{n}|{self.bills[no].unit}|{mode}|{day}" for n, (no, mode) in enumerate(named.items(), start=1)]
        body = "".join(f"{line}\n" for line in lines).encode()
        data = body + f"T|{len(named)}||{hashlib.sha256(body).hexdigest()}\n".encode()
        file_id = self.came_in(
            "agency", agency, f"AGAIN_{agency}_{period}_0001.txt", data,
            identity=f"AGAIN/{agency}/{period}/0001", lines=len(named), total=0, when=at(day),
        )  # fmt: skip
        for line, (no, mode) in enumerate(named.items(), start=1):
            self.insert(
                "second_collection", file_id=file_id, line=line, period=period, agency=agency, bill_id=self.bills[no].id,
                mode=mode, pay_on=date.fromisoformat(day), accepted_at=at(day),
            )  # fmt: skip

    def request(self, period: str, round_: int, asked: dict[str, Funds], day: str) -> None:
        """Instructions, their arrival at the city, and each agency's declaration."""
        self.insert("step_begun", period=period, step="upload-close", round=round_, due_at=at(day), begun_at=at(day))
        self.done(period, "upload-close", day, round_)
        for no, amounts in asked.items():
            bill = self.bills[no]
            shard = shard_of(bill.unit)
            number = self.insert(
                "instruction", "id", instruction_no=f"{no}-{round_}", bill_id=bill.id, period=period, round=round_,
                kind="M", agency=bill.agency, bank=bill.bank, shard=shard, **dict(zip(FUNDS, amounts, strict=True)),
                total=sum(amounts),
            )  # fmt: skip
            event_id = self.event("deduction-requested", f"{bill.agency}/{shard}", f"{period}/{round_}/{no}", at(day))
            self.insert(
                "city_bundle", event_id=event_id, period=period, round=round_, agency=bill.agency, bank=bill.bank, kind="M",
                instructions=Range(number, number + 1), **{fund: [amount] for fund, amount in zip(FUNDS, amounts, strict=True)},
            )  # fmt: skip
        for agency in sorted({self.bills[no].agency for no in asked}):
            event_id = self.event("deduction-declared", agency, f"{period}/{round_}/{agency}", at(day))
            for bank in sorted({self.bills[no].bank for no in asked if self.bills[no].agency == agency}):
                group = [
                    amounts
                    for no, amounts in asked.items()
                    if (self.bills[no].agency, self.bills[no].bank) == (agency, bank)
                ]
                self.insert(
                    "declaration", period=period, round=round_, agency=agency, bank=bank, kind="M", lines=len(group),
                    **dict(zip(FUNDS, added(group), strict=True)), event_id=event_id,
                )  # fmt: skip

    def batch(self, bank: str, period: str, round_: int, day: str, names: Sequence[str]) -> None:
        """A batch, its bank file in the archive, and the proof of delivery."""
        asked = {
            row.bill_id: row
            for row in self.conn.execute(
                text("select * from instruction where period = :p and round = :r"), {"p": period, "r": round_}
            )
        }
        lines = []
        for no in names:
            row = asked[self.bills[no].id]
            lines.append((row.id, self.bills[no], added([[getattr(row, fund) for fund in FUNDS]])))
        sums = added(amounts for _, _, amounts in lines)
        hash_total = sum(int(bill.account[-10:]) for _, bill, _ in lines) % 10**12
        name, number = f"DK_{bank}_{day.replace('-', '')}_0001.txt", f"{bank}-{round_}"
        text_lines = [f"H|DEDUCT|1|{bank}|{number}|{period}|{round_}|{day}|CNY"]
        for line, (_, bill, amounts) in enumerate(lines, start=1):
            text_lines.append("|".join((
                "D", str(line), f"{bill.no}-{round_}", bill.unit, bill.account, bill.holder, *map(yuan, amounts),
                yuan(sum(amounts)), "P",
            )))  # fmt: skip
        text_lines.append("|".join(("T", str(len(lines)), *map(yuan, sums), yuan(sum(sums)), f"{hash_total:012d}")))
        kept = self.keep(name, "".join(f"{line}\n" for line in text_lines).encode("gb18030"))
        batch_id = self.insert(
            "batch", "id", batch_no=number, bank=bank, period=period, round=round_,
            business_date=date.fromisoformat(day), seq=1, file_name=name, lines=len(lines),
            **dict(zip(FUNDS, sums, strict=True)), total=sum(sums),
            hash_total=hash_total, partial=True, state="SENT", request_sha256=kept.sha256,
        )  # fmt: skip
        for line, (instruction_id, bill, _) in enumerate(lines, start=1):
            self.insert(
                "batch_section", batch_id=batch_id, first_line=line, agency=bill.agency, shard=shard_of(bill.unit),
                instructions=Range(instruction_id, instruction_id + 1),
            )  # fmt: skip
        self.event("deduction-batched", bank, number, at(day))
        self.insert(
            "bank_file_receipt", batch_id=batch_id, name=name, size=kept.size, sha256=kept.sha256,
            host_key="SHA256:little", sent_at=at(day, 10),
        )  # fmt: skip
        self.batches[number] = Batch(batch_id, number, bank, period, round_, name, lines)

    def answer(self, number: str, came: str, posted: str, *, late: bool, answers: dict[str, tuple[str, Funds]]) -> None:
        """The bank's result file, and what is booked on its strength by the city and by the agencies."""
        batch = self.batches[number]
        places = {bill.no: line for line, (_, bill, _) in enumerate(batch.lines, start=1)}
        asked = {bill.no: amounts for _, bill, amounts in batch.lines}
        lines = [f"H|RESULT|1|{batch.bank}|{number}|{batch.file}|{came}"]
        for no, (code, amounts) in answers.items():
            lines.append("|".join((
                "D", str(places[no]), f"{no}-{batch.round}", self.bills[no].unit, yuan(sum(asked[no])),
                yuan(sum(amounts)), *map(yuan, amounts), code, f"REF{places[no]}",
            )))  # fmt: skip
        sums = added(amounts for _, amounts in answers.values())
        full = sum(sum(amounts) == sum(asked[no]) for no, (_, amounts) in answers.items())
        requested = sum(map(sum, asked.values()))
        lines.append("|".join(("T", str(len(answers)), str(full), yuan(requested), yuan(sum(sums)), *map(yuan, sums))))
        data = "".join(f"{line}\n" for line in lines).encode("gb18030")
        name = f"HD_{batch.bank}_{came.replace('-', '')}_0001.txt"
        file_id = self.came_in(
            "bank",
            batch.bank,
            name,
            data,
            identity=f"RESULT/{number}",
            lines=len(answers),
            total=sum(sums),
            when=at(came, 18),
        )
        self.conn.execute(
            text("""
                update batch set state = 'POSTED', result_file_id = :file, booking_period = :period,
                    posting_date = :day, posted_lines = lines, late = :late where id = :id
            """),
            {"file": file_id, "period": posted[:7], "day": date.fromisoformat(posted), "late": late, "id": batch.id},
        )
        for file_line, (no, (code, amounts)) in enumerate(answers.items(), start=2):
            self.insert(
                "result_line", batch_id=batch.id, line=places[no], deducted=sum(amounts),
                **dict(zip(FUNDS, amounts, strict=True)), code=code, reference=f"REF{places[no]}", file_line=file_line,
            )  # fmt: skip
        for agency in sorted({self.bills[no].agency for no in answers}):
            mine = {no: amounts for no, (_, amounts) in answers.items() if self.bills[no].agency == agency}
            self.arrive(batch, agency, day=posted, came=mine, asked=asked, places=places)

    def arrive(
        self,
        batch: Batch,
        agency: str,
        *,
        day: str,
        came: dict[str, Funds],
        asked: dict[str, Funds],
        places: dict[str, int],
    ) -> None:
        """One agency's share of a result: applied to bills as far as they are short, the rest to suspense."""
        applied: dict[str, Funds] = {}
        for no, amounts in came.items():
            bill = self.bills[no]
            applied[no] = added(
                [[min(new, due - paid) for new, due, paid in zip(amounts, bill.due, bill.paid, strict=True)]]
            )
        on_bills = added(applied.values())
        all_money = added(came.values())
        suspense = added([[new - used for new, used in zip(all_money, on_bills, strict=True)]])
        settles_arrears = day[:7] > batch.period
        memo = Account.MEMO_ARREARS if settles_arrears else Account.MEMO_DUES
        title = "first-result" if batch.round == 1 else "second-result"
        source = self.event(title, f"{agency}/0", f"{batch.number}/{agency}", at(day))
        city = self.entry(level="CITY", agency=agency, what="bank-arrival", cause=str(source), day=day, moves=[
            (Account.INCOME_ACCOUNT, "D", all_money), (Account.FUND_INCOME, "C", on_bills),
            (Account.SUSPENSE, "C", suspense),
        ])  # fmt: skip
        for no, amounts in came.items():
            bill, line = self.bills[no], places[no]
            rest = added([[new - used for new, used in zip(amounts, applied[no], strict=True)]])
            if sum(applied[no]):
                self.insert(
                    "collection", bill_id=bill.id, source="BANK", batch_id=batch.id, line=line,
                    **dict(zip(FUNDS, applied[no], strict=True)), booking_period=day[:7],
                    business_date=date.fromisoformat(day), entry_id=city,
                )  # fmt: skip
                bill.paid = added([bill.paid, applied[no]])
            if sum(rest):
                self.insert(
                    "suspense", batch_id=batch.id, line=line, bill_id=bill.id, **dict(zip(FUNDS, rest, strict=True)),
                    booking_period=day[:7], entry_id=city,
                )  # fmt: skip
        notified = self.event("arrival-notified", agency, f"{batch.number}/{agency}", at(day))
        requested = added(asked[no] for no in came)
        self.insert(
            "notice", batch_id=batch.id, agency=agency, supplementary=day[:7] > batch.period,
            requested_count=len(came), requested=list(requested),
            arrived_count=sum(amounts == asked[no] for no, amounts in came.items()), arrived=list(all_money),
            unarrived_count=sum(amounts != asked[no] for no, amounts in came.items()),
            unarrived=[want - got for want, got in zip(requested, all_money, strict=True)], suspense=list(suspense),
            event_id=notified,
        )  # fmt: skip
        self.entry(level="AGENCY", agency=agency, what="agency-arrival", cause=str(notified), day=day, moves=[
            (Account.CITY_CLEARING, "D", all_money), (Account.FUND_INCOME, "C", on_bills),
            (Account.SUSPENSE, "C", suspense), (Account.MEMO_CONTRA, "D", on_bills), (memo, "C", on_bills),
        ])  # fmt: skip

    def receipts(self, agency: str, day: str, paid: dict[str, tuple[str, str]]) -> None:
        lines = [f"H|RECEIPTS|1|{agency}|{day}|0001"]
        wanted = {
            receipt: added([[due - paid for due, paid in zip(self.bills[no].due, self.bills[no].paid, strict=True)]])
            for receipt, (no, _) in paid.items()
        }
        for line, (receipt, (no, method)) in enumerate(paid.items(), start=1):
            cheque = "0077" if method == "CHEQUE" else ""
            lines.append(f"D|{line}|{receipt}|{no}|{method}|{cheque}|{yuan(sum(wanted[receipt]))}|{day}")
        body = "".join(f"{line}\n" for line in lines).encode()
        total = sum(map(sum, wanted.values()))
        data = body + f"T|{len(paid)}|{yuan(total)}|{hashlib.sha256(body).hexdigest()}\n".encode()
        identity = f"RECEIPTS/{agency}/{day}/0001"
        name = f"RCPT_{agency}_{day.replace('-', '')}_0001.txt"
        file_id = self.came_in(
            "agency", agency, name, data, identity=identity, lines=len(paid), total=total, when=at(day)
        )
        entry = self.entry(level="AGENCY", agency=agency, what="receipt", cause=identity, day=day, moves=[
            (Account.INCOME_ACCOUNT, "D", added(wanted.values())), (Account.FUND_INCOME, "C", added(wanted.values())),
            (Account.MEMO_CONTRA, "D", added(wanted.values())), (Account.MEMO_DUES, "C", added(wanted.values())),
        ])  # fmt: skip
        for line, (receipt, (no, method)) in enumerate(paid.items(), start=1):
            bill, amounts = self.bills[no], wanted[receipt]
            receipt_id = self.insert(
                "receipt", "id", receipt_no=receipt, bill_id=bill.id, agency=agency, method=method,
                cheque_no="0077" if method == "CHEQUE" else "", amount=sum(amounts),
                received_on=date.fromisoformat(day), file_id=file_id, line=line, accepted_at=at(day),
            )  # fmt: skip
            self.insert(
                "collection", bill_id=bill.id, source="RECEIPT", receipt_id=receipt_id,
                **dict(zip(FUNDS, amounts, strict=True)), booking_period=day[:7], business_date=date.fromisoformat(day),
                entry_id=entry,
            )  # fmt: skip
            bill.paid = added([bill.paid, amounts])

    def returns(self, agency: str, day: str, back: dict[str, str]) -> None:
        """Cheques that came back in the month in which they had come."""
        receipts = {
            row.receipt_no: row
            for row in self.conn.execute(
                text("""
                    select r.*, b.bill_no, c.pension, c.unemployment, c.injury, c.maternity from receipt r
                    join bill b on b.id = r.bill_id join collection c on c.receipt_id = r.id where r.receipt_no = any(:back)
                """),
                {"back": list(back.values())},
            )
        }
        lines = [f"H|RETURNS|1|{agency}|{day}|0001"]
        for line, (number, receipt) in enumerate(back.items(), start=1):
            lines.append(f"D|{line}|{number}|{receipt}|{yuan(receipts[receipt].amount)}|存款不足|{day}")
        body = "".join(f"{line}\n" for line in lines).encode()
        total = sum(receipts[receipt].amount for receipt in back.values())
        data = body + f"T|{len(back)}|{yuan(total)}|{hashlib.sha256(body).hexdigest()}\n".encode()
        identity = f"RETURNS/{agency}/{day}/0001"
        file_id = self.came_in(
            "agency", agency, f"RTN_{agency}_{day.replace('-', '')}_0001.txt", data, identity=identity, lines=len(back),
            total=total, when=at(day),
        )  # fmt: skip
        amounts = {receipt: added([[getattr(receipts[receipt], fund) for fund in FUNDS]]) for receipt in back.values()}
        taken = added(amounts.values())
        entry = self.entry(level="AGENCY", agency=agency, what="receipt-returned", cause=identity, day=day, moves=[
            (Account.FUND_INCOME, "D", taken), (Account.INCOME_ACCOUNT, "C", taken),
            (Account.MEMO_DUES, "D", taken), (Account.MEMO_CONTRA, "C", taken),
        ])  # fmt: skip
        for line, (number, receipt) in enumerate(back.items(), start=1):
            row = receipts[receipt]
            reversal = self.insert(
                "reversal", "id", what="RETURNED_RECEIPT", bill_id=row.bill_id, receipt_id=row.id, return_no=number,
                amount=row.amount, reason="存款不足", dated_on=date.fromisoformat(day), booking_period=day[:7],
                file_id=file_id, file_line=line, accepted_at=at(day),
            )  # fmt: skip
            self.insert(
                "collection", bill_id=row.bill_id, source="RECEIPT_REVERSAL", reversal_id=reversal,
                **{fund: -amount for fund, amount in zip(FUNDS, amounts[receipt], strict=True)},
                booking_period=day[:7], business_date=date.fromisoformat(day), entry_id=entry,
            )  # fmt: skip
            bill = self.bills[row.bill_no]
            bill.paid = added([[paid - back for paid, back in zip(bill.paid, amounts[receipt], strict=True)]])

    def close(self, period: str, day: str, in_doubt: Sequence[str]) -> None:
        """Month end: what every monthly bill is short becomes arrears."""
        self.done(period, "month-close", day)
        for agency in ("110101", "110105"):
            mine = [bill for bill in self.bills.values() if bill.period == period and bill.agency == agency]
            short = {
                bill.no: added([[due - paid for due, paid in zip(bill.due, bill.paid, strict=True)]])
                for bill in mine
                if bill.paid != bill.due
            }
            self.insert(
                "period_close", period=period, agency=agency, closed_at=at(day, 23),
                due_count=len(mine), due=list(added(bill.due for bill in mine)),
                arrived_count=len(mine) - len(short), arrived=list(added(bill.paid for bill in mine)),
                arrears_count=len(short), arrears=list(added(short.values())),
            )  # fmt: skip
            opened = added(short.values())
            closed = self.event("period-closed", f"{agency}/0", f"{period}/{agency}", at(day, 23))
            entry = self.entry(level="AGENCY", agency=agency, what="arrears-opened", cause=str(closed), day=day, moves=[
                (Account.MEMO_DUES, "C", opened), (Account.MEMO_ARREARS, "D", opened),
            ])  # fmt: skip
            for no, amounts in short.items():
                bill = self.bills[no]
                self.insert(
                    "arrears", bill_id=bill.id, agency=agency, unit=bill.unit, period=period,
                    **dict(zip(FUNDS, amounts, strict=True)), in_doubt=no in in_doubt,
                    opened_on=date.fromisoformat(day), entry_id=entry,
                )  # fmt: skip
