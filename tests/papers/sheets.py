"""Filled-in forms to print: any form, any number of rows, any size of amounts, from one seed."""

import random

from hub.app.papers.layout import Names
from hub.ledger.forms import FORMS, Measure, Question, Sheet, SheetRow

AGENCIES = {"110101": "东城区社会保险基金管理中心", "110105": "朝阳区社会保险基金管理中心"}
BANKS = {"CCB": "中国建设银行北京市分行", "ICBC": "中国工商银行北京市分行"}
NAMES = Names(agencies=AGENCIES, banks=BANKS)
DECEMBER = Question(period="2026-12", round=1)


def sheet(name: str, rows: int, *, most: int = 10**9, seed: int = 1) -> Sheet:
    """A form with so many rows, amounts under ``most`` fen, keys of every kind that occurs."""
    chance = random.Random(seed)
    form = FORMS[name]
    filled = []
    for at in range(rows):
        keys = {
            "agency": sorted(AGENCIES)[at % 2],
            "bank": ["CCB", "ICBC", ""][at % 3],
            "kind": "MSA"[at % 3],
            "mode": "BS"[at % 2],
            "file": f"DK_ICBC_20261202_{at:04d}.txt",
            "unit": f"110105{at:06d}",
            "period": "2026-12",
            "bill": f"110105-2026-12-M-0001-{at:08d}",
            "item": "INTEREST",
            "days": str(at),
            "movement": chance.choice(["UNIT", "MEDICAL"]),
        }
        measures = (
            Measure(chance.randrange(1, 10**6), *(chance.randrange(most) for _ in range(4))) for _ in form.measures
        )
        status = chance.choice(["open", "arrived", "part", "arrears"]) if form.has_status else None
        filled.append(SheetRow(tuple(keys[key] for key in form.keys), tuple(measures), status))
    in_order = tuple(sorted(filled, key=lambda row: row.keys))
    as_of = "2026-12-31" if form.as_of_a_day else None
    return Sheet(form=form, period="2026-12", round=1 if form.has_round else None, rows=in_order, as_of=as_of)
