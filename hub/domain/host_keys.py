"""Pinned host keys of banks: whom the hub speaks to, on which days, and who said so (contract section 5).

A pin counts from its first to its last day, both included; several may count at a time, so that a rotation overlaps.
A pin beside those of hub.toml takes two people: one proposes, another approves.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from hub.domain.faults import Fault, FaultCode
from hub.domain.key_days import KeyDays, KeyState
from hub.domain.persons import name_faults, same_person

WARNING_DAYS: Final = 30
"""A pin that ends within so many days is worth a warning: the bank needs time to confirm the next one."""
_FINGERPRINT: Final = re.compile(r"SHA256:[A-Za-z0-9+/]{43}", re.ASCII)


class PinOrigin(StrEnum):
    """Where a pin stands."""

    CONFIGURED = "hub.toml"
    APPROVED = "approved"  # proposed by one person, approved by another


@dataclass(frozen=True, slots=True, kw_only=True)
class HostKeyPin(KeyDays):
    """A fingerprint as ``ssh-keygen -lf`` prints it, on its days."""

    key: str
    origin: PinOrigin = PinOrigin.CONFIGURED


@dataclass(frozen=True, slots=True, kw_only=True)
class PinProposal:
    """A pin that one person proposed; it counts once ``approved_by`` names another."""

    id: int
    bank: str
    pin: HostKeyPin
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None


def is_fingerprint(text: str) -> bool:
    """Whether this is what ``ssh-keygen -lf`` prints of a key: ``SHA256:`` and 43 characters."""
    return _FINGERPRINT.fullmatch(text) is not None


def valid_keys(pins: Iterable[HostKeyPin], day: date) -> frozenset[str]:
    """The fingerprints that count on this business day."""
    return frozenset(pin.key for pin in pins if pin.state_on(day) is KeyState.VALID)


def warnings_of(pins: Iterable[HostKeyPin], day: date) -> list[str]:
    """What somebody should see to: no valid pin, or one that ends within ``WARNING_DAYS`` days."""
    counting = [pin for pin in pins if pin.state_on(day) is KeyState.VALID]
    if not counting:
        return [f"No pin is valid on {day}: nothing is sent to this bank and nothing is read."]
    ending = [pin for pin in counting if pin.last_day is not None and (pin.last_day - day).days <= WARNING_DAYS]
    return [f"The pin {pin.key} ends on {pin.last_day}." for pin in ending]


def proposal_faults(pin: HostKeyPin, by: str) -> list[Fault]:
    """What is wrong with a proposal as it stands."""
    faults = [] if is_fingerprint(pin.key) else [_not_a_fingerprint(pin.key)]
    if pin.first_day is not None and pin.last_day is not None and pin.last_day < pin.first_day:
        faults.append(Fault(None, "until", FaultCode.DATE, f"{pin.first_day} or later", str(pin.last_day)))
    return [*faults, *name_faults(by)]


def approval_faults(proposal: PinProposal | None, pin: HostKeyPin, by: str) -> list[Fault]:
    """Why this approval does not count: nothing is proposed, it names other days, or it comes from the proposer.

    ``pin`` holds what the approver says, days too: what was proposed meanwhile is not what he has seen.
    """
    faults = [] if is_fingerprint(pin.key) else [_not_a_fingerprint(pin.key)]
    faults += name_faults(by)
    if proposal is None:
        return [*faults, Fault(None, "key", FaultCode.NOT_PROPOSED, "a key that was proposed for this bank", pin.key)]
    for field, said, proposed in (
        ("from", pin.first_day, proposal.pin.first_day),
        ("until", pin.last_day, proposal.pin.last_day),
    ):
        if said != proposed:
            faults.append(Fault(None, field, FaultCode.MISMATCH, str(proposed or "no date"), str(said or "no date")))
    if same_person(by, proposal.proposed_by):
        expected = f"somebody other than {proposal.proposed_by}, who proposed it"
        faults.append(Fault(None, "by", FaultCode.SAME_PERSON, expected, by))
    return faults


def _not_a_fingerprint(key: str) -> Fault:
    return Fault(None, "key", FaultCode.GRAMMAR, "SHA256: and 43 characters, as ssh-keygen -lf prints it", key[:100])
