"""Every way of money has a rule that exists, and every rule a place in the code; what is posted has an explanation."""

import importlib
from datetime import date, timedelta
from pathlib import Path
from string import Formatter

import pytest

from hub.app import rules_page
from hub.domain import posting
from hub.domain.explanations import BOOKED, HOLDS, REASONS, WAYS, Because, Way, say_posting
from hub.domain.funds import FundAmounts
from hub.domain.lifecycle import Cancelled
from hub.domain.money import Fen
from hub.domain.posting import Account, EntryKind, Posting
from hub.domain.readings import READINGS, Rule, reading

SOME = FundAmounts(Fen(1), Fen(2), Fen(3), Fen(4))
POSTED: dict[EntryKind, tuple[Posting, ...]] = {
    EntryKind.DUES_TAKEN_IN: posting.dues(SOME),
    EntryKind.BANK_ARRIVAL: posting.bank_arrival(SOME, SOME),
    EntryKind.AGENCY_ARRIVAL: posting.agency_arrival(SOME, SOME, SOME),
    EntryKind.RECEIPT: posting.receipt(SOME, SOME),
    EntryKind.RECEIPT_RETURNED: posting.receipt_returned(SOME, SOME),
    EntryKind.ANSWER_REVERSED: posting.mirrored(posting.bank_arrival(SOME, SOME)),
    EntryKind.ANSWER_CHANGED: posting.bank_arrival(SOME, SOME),
    EntryKind.AGENCY_ANSWER_REVERSED: posting.mirrored(posting.agency_arrival(SOME, SOME, SOME)),
    EntryKind.AGENCY_ANSWER_CHANGED: posting.agency_arrival(SOME, SOME, SOME),
    EntryKind.ARREARS_OPENED: posting.arrears_opened(SOME),
    EntryKind.CANCELLATION: posting.dues_cancelled(SOME),
}
"""What each kind of entry may hold; a new kind has to be added here and to the table."""


def test_every_kind_of_entry_is_here_and_in_the_table() -> None:
    assert set(BOOKED) == set(EntryKind) == set(POSTED)


@pytest.mark.parametrize("kind", EntryKind)
def test_every_account_of_an_entry_has_a_rule_and_no_other_has(kind: EntryKind) -> None:
    assert set(BOOKED[kind]) == {each.account for each in POSTED[kind]}
    for account in BOOKED[kind]:
        said = say_posting(kind, account, date(2026, 12, 1))
        assert said.says.zh and said.says.en and said.reading.rule is BOOKED[kind][account]


def test_every_account_says_what_of_its_bills_it_holds() -> None:
    assert set(HOLDS) == set(Account)


def test_every_way_and_every_reason_has_its_words() -> None:
    assert set(WAYS) == set(Way)
    assert set(REASONS) == set(Because)
    assert {f"cancelled-{reason}" for reason in Cancelled} <= set(Because)
    for explained in (*(row for _, row in WAYS.values()), *REASONS.values()):
        zh, en = ({name for _, name, _, _ in Formatter().parse(text) if name} for text in explained.says)
        assert {name.removesuffix("_zh") for name in zh} == {
            name.removesuffix("_en").removesuffix("_zh") for name in en
        }


@pytest.mark.parametrize("rule", Rule)
def test_a_rules_versions_are_numbered_and_dated_in_order(rule: Rule) -> None:
    versions = [each for each in READINGS if each.rule is rule]
    assert [each.version for each in versions] == list(range(1, len(versions) + 1))
    assert len({each.in_force_from for each in versions}) == len(versions)
    assert versions == sorted(versions, key=lambda each: each.in_force_from)
    for each in versions:
        assert reading(rule, each.in_force_from) is each
        assert each.articles or each.ours, "a rule without an article is our reading"
        assert all(article[:1] in "CR" for article in each.articles)
        importlib.import_module(each.module)
    assert reading(rule, versions[0].in_force_from - timedelta(days=1)) is versions[0]


def test_what_happened_before_a_new_version_stays_explained_by_the_old(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    first = reading(Rule.SPLIT_ORDER, date(2026, 1, 1))
    second = replace(first, version=2, in_force_from=date(2026, 7, 1))
    monkeypatch.setattr("hub.domain.readings.READINGS", (*READINGS, second))
    assert reading(Rule.SPLIT_ORDER, date(2026, 6, 30)).version == 1
    assert reading(Rule.SPLIT_ORDER, date(2026, 7, 1)).version == 2


def test_no_rule_is_without_use() -> None:
    used = {row.rule for _, row in WAYS.values()} | {row.rule for row in REASONS.values()}
    assert used | {rule for accounts in BOOKED.values() for rule in accounts.values()} == set(Rule)


def test_the_page_of_rules_is_drawn_out_of_the_tables() -> None:
    kept = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
    assert kept == "\n".join(rules_page.page()) + "\n", "python -m hub.app.rules_page > docs/rules.md"
