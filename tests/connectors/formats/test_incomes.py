"""Other-income files: what is printed reads back the same; a fault is told once, and every one of them."""

import io
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats import agency_files
from connectors.formats.incomes import print_incomes
from hub.domain.funds import FundAmounts
from hub.domain.ids import AgencyCode, IncomeNo
from hub.domain.money import MAX_AMOUNT, Fen
from hub.domain.other_incomes import IncomeLine, IncomesFile, IncomesHeader, Item, ItemControl, totals_by_item
from hub.ports import Refused
from simulators import incomes
from simulators.agency import sealed as seal
from simulators.incomes import Income
from tests.connectors.formats.strategies import agencies, capitals, days, numbers, periods, units

AGENCY, DAY = "110105", date(2026, 12, 11)


@st.composite
def incomes_files(draw: st.DrawFn) -> IncomesFile:
    header = IncomesHeader(draw(agencies), draw(days), draw(numbers))
    lines = []
    for place, no in enumerate(draw(st.lists(st.text(capitals, min_size=1, max_size=36), max_size=8, unique=True)), 1):
        item = draw(st.sampled_from(Item))
        is_fee = item is Item.LATE_FEE
        first = Fen(draw(st.integers(1, MAX_AMOUNT // 4)))
        rest = [Fen(draw(st.integers(0, MAX_AMOUNT // 4))) for _ in range(3)]
        unit = draw(units) if is_fee else draw(st.just("") | units)
        back = timedelta(days=draw(st.integers(0, 400)))
        received_on = header.date - back if header.date - date.min > back else header.date
        period = draw(periods) if is_fee else None
        lines.append(IncomeLine(place, IncomeNo(no), item, unit, period, FundAmounts(first, *rest), received_on))
    controls = [
        ItemControl(len(lines) + 1 + place, item, totals)
        for place, (item, totals) in enumerate(totals_by_item(lines).items(), start=1)
    ]
    return IncomesFile(header, lines, controls)


@settings(deadline=None)
@given(incomes_files())
def test_incomes_read_back_as_printed(file: IncomesFile) -> None:
    header = file.header
    name = f"INC_{header.agency}_{header.date.isoformat().replace('-', '')}_{header.no}.txt"
    assert agency_files.parse(name, io.BytesIO(print_incomes(file))) == file


FEE = Income("I-1", "LATE-FEE", "110105000001", "2026-11", (500, 50, 25, 15), DAY)
INTEREST = Income("I-2", "INTEREST", "", "", (700, 0, 0, 1), DAY)


def test_the_simulators_own_program_writes_the_same_bytes() -> None:
    paper = incomes.paper(AGENCY, DAY, 1, [FEE, INTEREST, INTEREST._replace(no="I-3")])
    read = agency_files.parse(paper.name, io.BytesIO(paper.data))
    assert isinstance(read, IncomesFile)
    assert read.header == IncomesHeader(AgencyCode(AGENCY), DAY, "0001")
    assert print_incomes(read) == paper.data


def told(*rewritten: tuple[bytes, bytes]) -> list[tuple[int | None, str, str]]:
    """The faults of the file with a line or a field of it written otherwise, its digest put right."""
    paper = incomes.paper(AGENCY, DAY, 1, [FEE, INTEREST])
    body, _, trailer = paper.data.rpartition(b"T|")
    for before, after in rewritten:
        assert before in body
        body = body.replace(before, after, 1)
    count, total, _ = trailer.split(b"|")
    sealed = seal(body.decode().splitlines(), int(count), total.decode())
    parsed = agency_files.parse(paper.name, io.BytesIO(sealed))
    assert isinstance(parsed, Refused)
    return [(fault.line, fault.field, fault.code.value) for fault in parsed.faults]


def test_a_fault_of_a_line_is_told_and_not_what_rests_on_it() -> None:
    assert told((b"|LATE-FEE|1101", b"|LATEFEE|1101")) == [(2, "item", "item")]
    assert told((b"|5.00|0.50|", b"|5.0|0.50|")) == [(2, "pension", "amount")]
    assert told((b"|110105000001|2026-11|", b"|110105000001|2026-13|")) == [(2, "period", "date")]
    assert told((b"D|1|I-1|LATE-FEE|", b"D|1|I-1|")) == [(2, "D", "columns")]
    assert told((b"C|INTEREST|", b"C|RENT|")) == [(5, "item", "item")]
    assert told((b"|2026-12-11\nD", b"|2026-12-32\nD")) == [(2, "received on", "date")]


def test_sums_and_control_lines_are_held_against_the_lines() -> None:
    assert told((b"|7.01|", b"|7.02|")) == [(3, "total", "sum")]
    assert told((b"C|INTEREST|1|7.00|", b"C|INTEREST|2|7.00|")) == [(5, "count", "control-total")]
    assert told((b"C|INTEREST|1|7.00|0.00|0.00|0.01|7.01\n", b"")) == [(None, "C", "control-total")]
    assert told((b"C|INTEREST|1|7.00|0.00|0.00|0.01|7.01", b"C|INTEREST|1|7.00|0.00|0.00|0.01|7.02")) == [
        (5, "total", "sum")
    ]
    assert told((b"C|LATE-FEE|1|5.00|0.50|0.25|0.15|5.90", b"C|LATE-FEE|1|5.00|0.50|0.24|0.15|5.89")) == [
        (4, "injury", "control-total")
    ]


def test_many_faults_are_all_told() -> None:
    found = told(
        (b"|5.00|0.50|", b"|5.0|0.50|"),
        (b"|110105000001|2026-11|", b"||2026-11|"),
        (b"|INTEREST|||", b"|INTEREST||2026-11|"),
    )
    assert found == [(2, "pension", "amount"), (2, "unit", "item"), (3, "period", "item")]
