"""The account of a bill: every fen that is due, by where it is and why; the pieces add up to what is due, fund by fund."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from hub.domain.bank_results import PAID_IN_FULL, PAID_IN_PART, REASONS
from hub.domain.dues import Kind, Mode
from hub.domain.explanations import CODES_ZH, WAYS, Because, Place, Said, Way, say
from hub.domain.funds import NOTHING, STATUTORY_ORDER, Fund, FundAmounts, sum_of
from hub.domain.lifecycle import Cancelled
from hub.domain.money import Fen, yuan
from hub.domain.splitting import split
from hub.domain.timetable import Step

_FUND_ZH: Final = {Fund.PENSION: "养老", Fund.UNEMPLOYMENT: "失业", Fund.INJURY: "工伤", Fund.MATERNITY: "生育"}


class Turn(NamedTuple):
    """A fund's turn in the split of one answer: what it was asked for, what was left for it, what it got; fen."""

    fund: Fund
    asked: Fen
    left: Fen
    got: Fen

    @property
    def short(self) -> Fen:
        return Fen(self.asked - self.got)


def turns(asked: FundAmounts, deducted: Fen) -> tuple[Turn, ...]:
    """How an answer's money went round the funds, in statutory order (C4, C9-2)."""
    left, made = deducted, []
    for fund, wanted, got in zip(STATUTORY_ORDER, asked, split(deducted, asked), strict=True):
        made.append(Turn(fund, wanted, left, got))
        left = Fen(left - got)
    return tuple(made)


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedOut:
    """What put money where it is: the processor, and the scheduled step with its hour where there was one.

    ``at``: the hour of the step, or when a file was accepted; None where the books do not know it.
    """

    processor: str
    step: Step | None = None
    round: int = 0
    at: datetime | None = None
    booking_period: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Fen per fund that are in one place for one reason; what was taken back is negative.

    ``day`` is the business day by which the rule was read; ``evidence`` names files, lines and journal entries.
    """

    way: Way
    amounts: FundAmounts
    day: date
    values: Mapping[str, str]
    carried_out: CarriedOut
    evidence: Mapping[str, Any] = field(default_factory=dict)
    split: tuple[Turn, ...] = ()
    because: tuple[Said, ...] = ()

    @property
    def place(self) -> Place:
        return WAYS[self.way][0]

    @property
    def said(self) -> Said:
        return say(self.way, self.day, self.values)


@dataclass(frozen=True, slots=True)
class BillAccount:
    """What is due, in pieces that add up to it, and beside them what came beyond (暂收款)."""

    due: FundAmounts
    pieces: tuple[Piece, ...]
    beyond: tuple[Piece, ...]

    def __post_init__(self) -> None:
        found = sum_of(piece.amounts for piece in self.pieces)
        assert found == self.due, f"pieces of {found} explain {self.due}"
        assert all((piece.place is Place.SUSPENSE) == (piece in self.beyond) for piece in (*self.pieces, *self.beyond))

    def at(self, place: Place) -> FundAmounts:
        """Fen per fund in one place."""
        return sum_of(piece.amounts for piece in (*self.pieces, *self.beyond) if piece.place is place)

    @property
    def places(self) -> dict[Place, FundAmounts]:
        """Where something is, or has been and was taken back."""
        found = {piece.place for piece in (*self.pieces, *self.beyond)}
        return {place: self.at(place) for place in Place if place in found}


class Coming(NamedTuple):
    """What a bank has answered and the posting has not put on the bill yet. ``late``: it goes into a later month's books."""

    amounts: FundAmounts
    late: bool


class Opened(NamedTuple):
    """The arrears of a bill: what month end opened, and the bill's own money of later months (taken back: negative)."""

    opened: FundAmounts
    later: FundAmounts
    in_doubt: bool
    at_close: bool  # opened by the month's close, not only by money that went back after it


class Missing(NamedTuple):
    """What has not come: where each part of it is. ``coming`` is in the order of the answers."""

    coming: tuple[FundAmounts, ...]
    ways: dict[Way, FundAmounts]


def share_missing(
    missing: FundAmounts, repaid: FundAmounts, coming: Sequence[Coming], unanswered: FundAmounts, *,
    elsewhere: bool, cancelled: bool, closed: bool, opened: Opened | None,
) -> Missing:  # fmt: skip
    """Where the part of a bill is that is neither on it nor repaid; all of it, so that the account adds up.

    Arrears are what their own book says: opened, less what came later, for the bill or by repayments. If that is not
    what is missing, the difference is told as a contradiction of the books and never hidden in another part.
    """
    if elsewhere or cancelled:
        way = Way.CANCELLED if cancelled else Way.ELSEWHERE
        return Missing(tuple(NOTHING for _ in coming), _some({way: missing}))
    taken: list[FundAmounts] = []
    rest = missing
    for each in coming:
        taken.append(_at_most(each.amounts, rest))
        rest = rest.minus(taken[-1])
    if opened is not None:
        late = sum_of(amounts for amounts, each in zip(taken, coming, strict=True) if each.late)
        book = opened.opened.minus(opened.later).minus(repaid).minus(late)
        way = Way.IN_DOUBT if opened.in_doubt else Way.ARREARS if opened.at_close else Way.ARREARS_AGAIN
        beside = rest.minus(book)
        being_opened = _at_most(beside, beside) if not opened.at_close else NOTHING
        ways = {way: book, Way.OPENING: being_opened, Way.DISAGREES: beside.minus(being_opened)}
    elif closed:
        ways = {Way.OPENING: _at_most(rest, rest), Way.DISAGREES: rest.minus(_at_most(rest, rest))}
    else:
        waiting = _at_most(unanswered, rest)
        unarrived = _at_most(rest.minus(waiting), rest)
        ways = {
            Way.UNANSWERED: waiting, Way.UNARRIVED: unarrived, Way.DISAGREES: rest.minus(waiting).minus(unarrived),
        }  # fmt: skip
    return Missing(tuple(taken), _some(ways))


def _at_most(amounts: FundAmounts, most: FundAmounts) -> FundAmounts:
    """Of each fund what both have, never less than nothing."""
    return FundAmounts(*(Fen(max(min(mine, theirs), 0)) for mine, theirs in zip(amounts, most, strict=True)))


def _some(ways: dict[Way, FundAmounts]) -> dict[Way, FundAmounts]:
    return {way: amounts for way, amounts in ways.items() if amounts != NOTHING}


class Answered(NamedTuple):
    """One request for a bill as its bank stands to it by now; ``code`` '' while it has not answered."""

    round: int
    asked: FundAmounts
    deducted: Fen
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What was tried to collect a bill. ``chosen``: modes of the second collections that named it."""

    kind: Kind
    mode: Mode
    answers: Sequence[Answered]
    chosen: frozenset[Mode]
    second_upload_closed: bool
    in_shadow_second: bool
    closed: bool
    taken_back: Fen
    cancelled: Cancelled | None


def reasons(course: Course, day: date) -> tuple[Said, ...]:
    """Why some of a bill is missing: what its banks said, what went back, and why nobody was asked again."""
    said = [each for answer in course.answers for each in _of_answer(answer, day)]
    if course.taken_back:
        said.append(say(Because.TAKEN_BACK, day, {"amount": yuan(course.taken_back)}))
    if course.cancelled is not None:
        said.append(say(Because(f"cancelled-{course.cancelled}"), day, {}))
    elif (more := _not_asked(course)) is not None:
        said.append(say(more, day, {}))
    return tuple(said)


def _of_answer(answer: Answered, day: date) -> list[Said]:
    words = {"round": str(answer.round), "code": answer.code}
    if answer.code == PAID_IN_PART:
        short = next(turn for turn in turns(answer.asked, answer.deducted) if turn.short)
        money = {name: yuan(getattr(short, name)) for name in ("left", "asked", "short")}
        funds = {"fund": _FUND_ZH[short.fund], "fund_en": short.fund.value}
        return [say(Because.SHORT_IN_TURN, day, {**words, **money, **funds})]
    if answer.code in ("", PAID_IN_FULL):
        return []
    why = {"reason_zh": CODES_ZH[answer.code], "reason_en": REASONS[answer.code]}
    return [say(Because.NOTHING_DEDUCTED, day, {**words, **why})]


def _not_asked(course: Course) -> Because | None:
    """Why no bank was asked, or not again; None where the last word is the bank's."""
    if course.mode is Mode.SPORADIC:
        return Because.SPORADIC
    if not course.answers:
        over = course.kind is Kind.MONTHLY and (course.closed or course.second_upload_closed)
        return Because.ENDED if Mode.SPORADIC in course.chosen else Because.NOT_ASKED if over else Because.NOT_ASKED_YET
    if course.kind is Kind.MONTHLY and all(answer.round == 1 for answer in course.answers):
        return _not_asked_again(course)
    return None


def _not_asked_again(course: Course) -> Because:
    if not all(answer.code for answer in course.answers):
        return Because.STILL_UNANSWERED
    if Mode.SPORADIC in course.chosen:
        return Because.ENDED
    if course.second_upload_closed:
        unasked = Because.NOT_IN_SHADOW if course.in_shadow_second else Because.NOTHING_LEFT
        return unasked if course.chosen else Because.NOT_NAMED
    return Because.NAMED if course.chosen else Because.MAY_BE_NAMED
