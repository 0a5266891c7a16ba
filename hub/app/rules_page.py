"""``docs/rules.md``, drawn out of the tables of rules: ``python -m hub.app.rules_page > docs/rules.md``."""

import sys
from collections.abc import Iterator

from hub.domain.explanations import BOOKED, REASONS, WAYS
from hub.domain.readings import READINGS


def page() -> Iterator[str]:
    """The lines of the page: every rule with its articles, versions and place in the code, and what each explains."""
    yield "# The rules that move money 规则表"
    yield ""
    yield "Drawn out of `hub/domain/readings.py` and `hub/domain/explanations.py` by `python -m hub.app.rules_page`; not to be"
    yield "edited. `hub trace` names these rules. C: article of the collection rules (征缴管理办法)."
    yield ""
    yield "| rule | version | in force from | articles | where | says |"
    yield "|---|---|---|---|---|---|"
    for each in READINGS:
        stands_on = ", ".join((*each.articles, *(("our reading",) if each.ours else ())))
        yield (
            f"| `{each.rule}` | {each.version} | {each.in_force_from} | {stands_on} | `{each.module}` "
            f"| {each.says.zh}<br>{each.says.en} |"
        )
    yield ""
    yield "## Journal entries 凭证"
    yield ""
    yield "| entry | account | rule |"
    yield "|---|---|---|"
    for kind, accounts in BOOKED.items():
        for account, rule in accounts.items():
            yield f"| `{kind}` | `{account}` | `{rule}` |"
    yield ""
    yield "## Money of a bill 缴费单的款项"
    yield ""
    yield "| where | way | rule | says |"
    yield "|---|---|---|---|"
    for way, (place, explained) in WAYS.items():
        yield f"| `{place}` | `{way}` | `{explained.rule}` | {explained.says.zh}<br>{explained.says.en} |"
    yield ""
    yield "## Why some is missing 未到位的原因"
    yield ""
    yield "| reason | rule | says |"
    yield "|---|---|---|"
    for because, explained in REASONS.items():
        yield f"| `{because}` | `{explained.rule}` | {explained.says.zh}<br>{explained.says.en} |"


if __name__ == "__main__":
    sys.stdout.write("".join(f"{line}\n" for line in page()))
