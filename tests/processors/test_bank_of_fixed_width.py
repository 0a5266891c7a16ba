"""A bank whose files are of fixed width goes through the month like any other: only its profile in hub.toml differs."""

import pytest

from hub.app import endpoints
from hub.app.cli.verify import evidence_of
from hub.domain.faults import FaultCode
from hub.ledger.database import ROLE_APP, engine
from hub.ledger.journey import Bytes, follow
from hub.ledger.verification import verify
from simulators.agency import Paper
from simulators.amounts import Four
from tests.processors.city import CHAOYANG, PERIOD, City, bill, unit_of, waterfall
from tests.processors.conftest import NewCity

DUE: Four = (10000, 1000, 500, 300)
WHOLE = sum(DUE)


@pytest.fixture
def city(new_city: NewCity) -> City:
    return new_city(profiles={"ICBC": "fixed-gb18030"})


def verified(city: City) -> dict[str, bool]:
    """``hub verify``: by check, whether it holds."""
    reader = engine(endpoints.database_url(city.hub.settings), role=ROLE_APP)
    try:
        return {outcome.name: outcome.ok for outcome in verify(reader, evidence_of(city.hub))}
    finally:
        reader.dispose()


def test_a_little_month_is_settled_and_books_and_files_agree(city: City) -> None:
    long_name = bill("A-5", 5, DUE)._replace(account_name="北京市朝阳区䶮山商贸有限公司" * 9 + " ")
    city.accept(
        city.dues(
            bill("A-1", 1, DUE), bill("A-2", 2, DUE), bill("A-3", 3, DUE), bill("A-4", 4, DUE, bank="CCB"), long_name,
            bill("A-6", 6, DUE, bank=""),
        )
    )  # fmt: skip
    city.advance("11-02T09:10")
    assert sorted(city.servers["ICBC"].outbound)[0] == "DF_ICBC_20261102_0001.txt"
    assert sorted(city.servers["CCB"].outbound)[0] == "DK_CCB_20261102_0001.txt"
    city.advance("11-03T10:00")
    (paper,) = city.answer("ICBC", {"A-2": 10400, "A-3": "99", "A-5": "05"})
    assert paper.name == "HF_ICBC_20261103_0001.txt"
    city.answer("CCB")
    city.advance("11-05T09:00")
    assert city.collected("A-1") == city.collected("A-4") == DUE
    assert city.collected("A-2") == waterfall(10400, DUE)
    assert city.total("f8", "arrived", period=PERIOD, round=1) == (2, 2 * WHOLE + 10400)

    city.accept(city.again((unit_of(2), "B"), (unit_of(3), "B")))
    city.second_deduction(ICBC={"A-3": "02"})
    city.accept(city.receipts(("R-1", "A-6", WHOLE)))
    city.advance("11-30T23:00")
    assert city.collected("A-2") == city.collected("A-6") == DUE
    assert city.total("f1", "due", period=PERIOD) == (6, 6 * WHOLE)
    assert city.total("f1", "arrears", period=PERIOD) == (2, 2 * WHOLE)
    codes = "select distinct r.code from result_line r order by 1"
    assert city.rows(codes) == [("00",), ("01",), ("02",), ("05",), ("99",)], "the books know the contract's codes only"
    checks = verified(city)
    assert checks
    assert all(checks.values()), checks


def test_a_wrong_answer_of_fixed_width_books_nothing_and_names_its_line(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE)))
    city.advance("11-03T10:00")
    (request,) = city.requests("ICBC")
    good = city.result(request)
    more = good.data.replace(b"000000011800" * 2, b"000000011800" + b"000000011801", 1)
    assert more != good.data
    city.put("ICBC", Paper(good.name, more))
    assert city.poll("ICBC") == ["quarantined"]
    (item,) = city.work("quarantine")
    assert (item["file"], item["line"], item["field"]) == (good.name, 2, "deducted")
    found = {(fault["line"], fault["field"], fault["code"]) for fault in item["detail"]["faults"]}
    assert {(2, "deducted", FaultCode.CODE), (4, "deducted", FaultCode.CONTROL_TOTAL)} <= found
    city.put("ICBC", good)
    assert city.poll("ICBC") == ["taken"]


def test_a_journey_shows_the_line_with_account_and_name_masked(city: City) -> None:
    name = "北京市朝阳区䶮山商贸有限公司" * 9
    city.accept(city.dues(bill("A-1", 1, DUE)._replace(account_name=name)))
    city.first_deduction(ICBC={})
    files = Bytes(
        archive=city.hub.archive, agency_encoding="utf-8", bank_encoding="gb18030", format_of=city.hub.formats.get
    )
    with city.hub.engine.connect() as conn:
        told = str([stop.as_json() for stop in follow(conn, "A-1", files)])
    assert "A-1-1" in told and f"{CHAOYANG}000001" in told
    assert "DF_ICBC_20261102_0001.txt" in told
    assert f"0200{CHAOYANG}000001" not in told, "an account in the clear"
    assert "朝阳区䶮山商贸" not in told, "a name in the clear"
