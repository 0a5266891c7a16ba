"""Who pays: units (参保单位), their members (参保人员), wages and bases, and what a month costs them.

Sizes, wages and industries look like a district of Beijing; names hold characters that break careless encodings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Final, NamedTuple

from simulators.amounts import Four
from simulators.chance import dice, draw, percent

DISTRICTS: Final = {
    "110105": "朝阳区社会保险基金管理中心",
    "110108": "海淀区社会保险基金管理中心",
    "110102": "西城区社会保险基金管理中心",
    "110106": "丰台区社会保险基金管理中心",
    "110101": "东城区社会保险基金管理中心",
}
BANKS: Final = {
    "ICBC": "中国工商银行北京市分行",
    "CCB": "中国建设银行北京市分行",
    "ABC": "中国农业银行北京市分行",
    "BOC": "中国银行北京市分行",
    "BCM": "交通银行北京市分行",
}
ACCOUNT_SHAPE: Final = {"ICBC": ("0200", 19), "CCB": ("1100", 20), "ABC": ("1104", 17), "BOC": ("3287", 12)}
"""First digits and length of a payment special account (缴费专户) at each bank."""


class Industry(NamedTuple):
    """``injury`` is the work-injury rate in parts of ten thousand; wages are yuan a month."""

    word: str
    injury: int
    low: int
    high: int
    size: int


INDUSTRIES: Final = (
    Industry("科技", 20, 9000, 52000, 24),
    Industry("文化传媒", 20, 7000, 30000, 9),
    Industry("商贸", 40, 5500, 16000, 8),
    Industry("餐饮管理", 40, 5200, 11000, 16),
    Industry("物业管理", 40, 5000, 12000, 30),
    Industry("建筑工程", 110, 6500, 24000, 40),
    Industry("机电设备", 70, 6500, 21000, 22),
    Industry("运输", 90, 6000, 15000, 18),
    Industry("医药", 70, 7500, 34000, 26),
    Industry("教育咨询", 20, 6000, 26000, 11),
)
PROXY: Final = Industry("社会保险代理", 0, 7162, 9000, 35)
"""A proxy (社保代理处) pays for freelancers: pension and unemployment only."""

BRANDS: Final = tuple("京华 瑞鑫 天䶮 𠮷祥 鼎堃 喆远 昇邦 北辰 镕基 玥明 翀达 同仁 㛃诚 中关".split())  # noqa: SIM905
SURNAMES: Final = tuple("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗䶮𠮷逄仝")
GIVEN: Final = tuple("伟 芳 秀英 敏 静 丽 强 磊 洋 艳 勇 䶮 杰 娟 𠮷 喆 堃 雨桐".split())  # noqa: SIM905

SMALL_FORMS: Final = ("服务部", "商行", "工作室")
COMPANY_FORMS: Final = ("有限公司", "有限责任公司", "股份有限公司")

BASE_FLOOR: Final = 716_200
BASE_CEILING: Final = 3_581_100
"""Floor and ceiling of a base (缴费基数), in fen."""
PENSION_RATE, UNEMPLOYMENT_RATE, MATERNITY_RATE = 2800, 200, 80
"""Unit and personal part together, in parts of ten thousand."""


class Member(NamedTuple):
    """One insured person; ``wage`` is last year's average monthly wage in fen."""

    name: str
    wage: int

    @property
    def base(self) -> int:
        return min(max(self.wage, BASE_FLOOR), BASE_CEILING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A paying unit. ``mode`` is how it means to pay, ``B`` by deduction or ``S`` at the agency's counter."""

    no: str
    agency: str
    name: str
    industry: Industry
    headcount: int
    mode: str
    bank: str
    account: str
    account_name: str
    newcomer: bool

    @property
    def is_proxy(self) -> bool:
        return self.industry is PROXY


def share(base: int, rate: int) -> int:
    """``rate`` ten-thousandths of ``base``, rounded half up to the fen."""
    return (2 * base * rate + 10_000) // 20_000


class Population:
    """All units of a seed. Members are drawn when asked for, always the same ones."""

    def __init__(self, seed: int, agencies: Sequence[str], banks: Sequence[str], units: int) -> None:
        self.seed = seed
        self.agencies = tuple(agencies)
        self.banks = tuple(banks)
        self._count = units

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """Every unit, agency by agency; the first agencies are the larger ones."""
        parts = [len(self.agencies) - place + 1 for place in range(len(self.agencies))]
        made: list[Unit] = []
        for place, agency in enumerate(self.agencies):
            until = self._count * sum(parts[: place + 1]) // sum(parts)
            made += [self._unit(agency, number + 1) for number in range(until - len(made))]
        return tuple(made)

    def of_agency(self, agency: str) -> tuple[Unit, ...]:
        return tuple(unit for unit in self.units if unit.agency == agency)

    def _unit(self, agency: str, number: int) -> Unit:
        chance = dice(self.seed, "unit", agency, number)
        industry = PROXY if chance.random() < 0.03 else chance.choice(INDUSTRIES)
        person = chance.choice(SURNAMES) + chance.choice(GIVEN)
        alone = industry is not PROXY and chance.random() < 0.08
        brand = chance.choice(BRANDS) + chance.choice(("", "", "恒", "新", "达", "科"))
        if alone:
            name = f"{brand}{industry.word}{chance.choice(SMALL_FORMS)}({person})"
        else:
            name = f"北京{brand}{industry.word}{'处' if industry is PROXY else chance.choice(COMPANY_FORMS)}"
        mode = "S" if chance.random() < 0.08 else "B"
        bank = chance.choice(self.banks) if mode == "B" else ""
        return Unit(
            no=f"{agency}{number:06d}",
            agency=agency,
            name=name,
            industry=industry,
            headcount=1 + chance.randrange(3) if alone else headcount_of(chance, industry),
            mode=mode,
            bank=bank,
            account=account_of(chance, bank) if bank else "",
            account_name=(person if alone else name) if bank else "",
            newcomer=chance.random() < 0.02,
        )

    def members(self, unit: Unit, period: str) -> list[Member]:
        """Those insured through the unit in ``period``: the staff and the month's movements (表十一, 表十二)."""
        chance = dice(self.seed, "members", unit.no)
        moved = draw(self.seed, "movement", unit.no, period) % 5 - 2 if unit.headcount > 4 else 0
        low, high = unit.industry.low, unit.industry.high
        return [
            Member(
                chance.choice(SURNAMES) + chance.choice(GIVEN),
                min(chance.randint(low, high), chance.randint(low, high)) * 100 + chance.randrange(100),
            )
            for _ in range(unit.headcount + moved)
        ]

    def due(self, unit: Unit, period: str) -> Four:
        """What the unit owes for the month, per fund in fen: base times rate, rounded member by member."""
        bases = [member.base for member in self.members(unit, period)]
        return (
            sum(share(base, PENSION_RATE) for base in bases),
            sum(share(base, UNEMPLOYMENT_RATE) for base in bases),
            0 if unit.is_proxy else sum(share(base, unit.industry.injury) for base in bases),
            0 if unit.is_proxy else sum(share(base, MATERNITY_RATE) for base in bases),
        )

    def is_late(self, unit: Unit, period: str) -> bool:
        """True for the few whose report was not ready on the 1st: their bill joins the second deduction."""
        return percent(self.seed, "late", unit.no, period) < 4


def headcount_of(chance: Random, industry: Industry) -> int:
    """Many small units, a few large ones, around the industry's usual size."""
    size = chance.randint(1, industry.size)
    while size < 400 and chance.random() < 0.12:
        size *= 2
    return size


def account_of(chance: Random, bank: str) -> str:
    first, length = ACCOUNT_SHAPE.get(bank, ("6222", 18))
    return first + "".join(chance.choice("0123456789") for _ in range(length - len(first)))
