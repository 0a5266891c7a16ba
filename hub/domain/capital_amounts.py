"""Amounts in capital letters (人民币大写), as papers that move money carry them beside the figures.

The rule is that of the People's Bank of China for bills and settlement vouchers (《支付结算办法》附一 正确填写票据和结算
凭证的基本规定, 1997). Where it leaves a choice, the first form of its own examples is taken: ``1680.32`` is
壹仟陆佰捌拾元零叁角贰分, ``107000.53`` is 壹拾万柒仟元零伍角叁分, and 整 stands after 元 only, not after 角.
"""

from typing import Final

from hub.domain.money import MAX_TOTAL, Fen

_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
_SCALES: Final = ((100_000_000, "亿"), (10_000, "万"), (1_000, "仟"), (100, "佰"), (10, "拾"))
"""The largest scale comes first; what stands before 亿 or 万 is a number read by the same scales."""


def capital_rmb(amount: Fen) -> str:
    """An amount as ``人民币…``, which follows without a gap so that nothing can be written between: 0 to MAX_TOTAL fen."""
    assert 0 <= amount <= MAX_TOTAL, f"{amount} fen have no capital form on our papers"
    whole, cents = divmod(amount, 100)
    if not cents:
        return f"人民币{_whole(whole)}元整"
    jiao, fen = divmod(cents, 10)
    yuan = f"{_whole(whole)}元" if whole else ""
    gap = "零" if whole and (not jiao or whole % 10 == 0) else ""
    return "人民币" + yuan + gap + (f"{_DIGITS[jiao]}角" if jiao else "") + (f"{_DIGITS[fen]}分" if fen else "")


def _whole(number: int) -> str:
    """Digits with their scales; a run of noughts inside is one 零, at the end it is nothing."""
    if number < 10:
        return _DIGITS[number]
    scale, sign = next(each for each in _SCALES if number >= each[0])
    above, below = divmod(number, scale)
    if not below:
        return _whole(above) + sign
    gap = "零" if below < scale // 10 else ""  # the place under this scale is empty
    return _whole(above) + sign + gap + _whole(below)
