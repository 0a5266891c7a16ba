"""Agency files of every kind of content, for property tests."""

from datetime import date

from hypothesis import strategies as st

from hub.domain.dues import ControlLine, DuesFile, DuesHeader, DuesLine, Kind, Mode, totals_by_mode_and_bank
from hub.domain.funds import FundAmounts
from hub.domain.ids import AgencyCode, BankCode, BillNo, UnitNo
from hub.domain.money import MAX_AMOUNT, Fen
from hub.domain.periods import Period

digits = st.characters(min_codepoint=0x30, max_codepoint=0x39)
capitals = st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
names = st.text(
    st.one_of(
        st.sampled_from("北京市朝阳区商贸有限公司䶮𠮷鰘\ue81e=+-@<>&'\" "),
        st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="|"),
    ),
    min_size=1,
    max_size=20,
)
fen = st.integers(0, MAX_AMOUNT // 4).map(Fen)
amounts = st.builds(FundAmounts, fen, fen, fen, fen).filter(lambda each: each.total > 0)
days = st.dates(date(2, 1, 1))
numbers = st.text(digits, min_size=4, max_size=4)
agencies = st.text(digits, min_size=6, max_size=6).map(AgencyCode)
periods = st.dates(date(2, 1, 1), date(9998, 12, 31)).map(Period.of)
units = st.text(digits, min_size=12, max_size=12).map(UnitNo)
bills = st.text(capitals, min_size=1, max_size=34).map(BillNo)
accounts = st.text(digits, min_size=10, max_size=32)


@st.composite
def dues_files(draw: st.DrawFn) -> DuesFile:
    header = DuesHeader(draw(agencies), draw(periods), Kind.MONTHLY, draw(numbers), draw(days))
    named = draw(st.lists(st.tuples(bills, units), max_size=8, unique_by=(lambda each: each[0], lambda each: each[1])))
    lines = []
    for place, (bill, unit) in enumerate(named, start=1):
        name, by_bank = draw(names), draw(st.booleans())
        bank = draw(st.sampled_from(["ICBC", "CCB", "A0"])) if by_bank else ""
        mode, account = (Mode.BANK, draw(accounts)) if by_bank else (Mode.SPORADIC, "")
        account_name = draw(names) if by_bank else ""
        lines.append(
            DuesLine(place, bill, unit, name, mode, BankCode(bank), account, account_name, draw(amounts), None)
        )
    totals = draw(st.permutations(list(totals_by_mode_and_bank(lines).items())))
    first = len(lines) + 2
    controls = [ControlLine(at, mode, bank, each) for at, ((mode, bank), each) in enumerate(totals, start=first)]
    return DuesFile(header, lines, controls)
