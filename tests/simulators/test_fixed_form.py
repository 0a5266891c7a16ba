"""The banks' programs read and answer files of fixed width as they do the contract's own."""

from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

from simulators.amounts import fen
from simulators.bank_program import BankProgram, UnusableRequestError, fields_of, garbled, main, read_request

DAY = date(2026, 12, 3)
FUNDS = (800_000, 20_000, 4_000, 160)


def request_of(amounts: tuple[int, ...] = FUNDS, total: int = sum(FUNDS), name: str = "北京𠮷田") -> bytes:
    """A request of two like lines, put together by hand."""
    raw = name.encode("gb18030")
    lines = [b"HDEDUCT  01" + b"ICBC".ljust(12) + b"ICBC-1".ljust(36) + b"2026-12" + b"1" + b"2026-12-02" + b"CNY"]
    for number in (1, 2):
        who = f"A-{number}-1".ljust(36) + f"{110105000000 + number}" + f"02000041{number:010d}".ljust(32)
        money = "".join(f"{each:012d}" for each in (*amounts, total))
        lines.append(f"D{number:09d}{who}".encode() + raw + b" " * (120 - len(raw)) + money.encode() + b"P")
    sums = "".join(f"{2 * each:016d}" for each in (*amounts, total))
    lines.append(f"T000000002{sums}{3:012d}".encode())
    return b"".join(line + b"\n" for line in lines)


def seal(data: bytes) -> bytes:
    return f"{sha256(data).hexdigest()} {len(data)}\n".encode()


NAME = "DF_ICBC_20261202_0001.txt"


def test_a_request_is_read_to_the_last_fen() -> None:
    data = request_of()
    request = read_request(NAME, data, seal(data))
    assert (request.bank, request.batch, request.period, request.round) == ("ICBC", "ICBC-1", "2026-12", 1)
    assert [(each.line, each.instruction, each.account_name, each.wanted) for each in request.lines] == [
        (1, "A-1-1", "北京𠮷田", FUNDS), (2, "A-2-1", "北京𠮷田", FUNDS),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        request_of(total=824_161), request_of().replace(b"T000000002", b"T000000003"), request_of().replace(b"P\n", b"X\n"),
        request_of().replace(b"000000800000", b"00000080000 "), request_of().replace(b"D000000002", b"D000000003"),
        request_of()[:-1], request_of().replace(b"\n", b"\r\n"), request_of().replace(b"HDEDUCT", b"HRESULT"),
    ],
)  # fmt: skip
def test_a_bank_refuses_a_request_that_does_not_fit(data: bytes) -> None:
    with pytest.raises(UnusableRequestError):
        read_request(NAME, data, seal(data))


def test_a_program_answers_in_the_form_it_was_asked_in(tmp_path: Path) -> None:
    for folder in ("outbound", "inbound"):
        (tmp_path / folder).mkdir()
    data = request_of()
    (tmp_path / "outbound" / NAME).write_bytes(data)
    (tmp_path / "outbound" / f"{NAME}.ok").write_bytes(seal(data))
    assert main([str(tmp_path), "--bank", "ICBC", "--date", str(DAY)]) == 0
    answer = tmp_path / "inbound" / "HF_ICBC_20261203_0001.txt"
    assert answer.with_name(f"{answer.name}.ok").read_bytes() == seal(answer.read_bytes())
    assert {len(line) for line in answer.read_bytes().split(b"\n")} == {105, 196, 115, 0}
    header, *details, trailer = fields_of(answer.read_bytes())
    assert header == ["H", "RESULT", "1", "ICBC", "ICBC-1", NAME, "2026-12-03"]
    assert sorted(row[1] for row in details) == ["1", "2"]
    assert fen(trailer[4]) == sum(fen(row[5]) for row in details)
    assert BankProgram("ICBC", 7, tmp_path).next_number(DAY) == 2


def test_a_garbled_answer_keeps_its_form_and_moves_one_fen(tmp_path: Path) -> None:
    data = request_of()
    request = read_request(NAME, data, seal(data))
    for seed in range(20):
        paper = BankProgram("ICBC", seed, tmp_path).result(request, DAY)
        if fen(fields_of(paper.data)[-1][5]):
            break
    wrong = garbled(paper)
    assert len(wrong.data) == len(paper.data)
    was, now = fields_of(paper.data), fields_of(wrong.data)
    assert [fen(was[-1][place]) - fen(now[-1][place]) for place in (5, 6, 7, 8)] == [1, 0, 0, -1]
