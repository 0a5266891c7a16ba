"""Everything the hub can say has words in both languages."""

import pytest

import topics
from hub.dashboard.texts import Language, Words, language_of
from hub.dashboard.timeline import Progress
from hub.domain.funds import Fund
from hub.domain.lifecycle import BatchState
from hub.domain.timetable import Step
from hub.domain.work import Queue

KEYS = [
    *(("step", each.value) for each in Step),
    *(("paper", each.value) for each in Step),
    *(("progress", each.value) for each in Progress),
    *(("queue", each.value) for each in Queue),
    *(("batch", each.value) for each in BatchState),
    *(("fund", each.value) for each in Fund),
    *(("topic", each.title) for each in topics.ALL),
    *(("outcome", each) for each in ("accepted", "refused", "quarantined", "repeat")),
    *(("round", each) for each in (0, 1, 2)),
]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: ".".join(map(str, key)))
@pytest.mark.parametrize("language", Language)
def test_each_has_words(key: tuple[object, ...], language: Language) -> None:
    words = Words(language)
    assert words.first(key, ("unknown",)) != "unknown"
    assert words(*key)


def test_chinese_unless_english_is_asked_for() -> None:
    assert [language_of(text) for text in ("en", "", "zh", "fr", "EN")] == [Language.ENGLISH, *[Language.CHINESE] * 4]


def test_a_small_sum_is_told_in_yuan() -> None:
    assert [Words(Language.CHINESE).told(fen) for fen in (5000, 999_999, 1_000_000)] == [
        "50.00 元", "9,999.99 元", "1.00 万元",
    ]  # fmt: skip
