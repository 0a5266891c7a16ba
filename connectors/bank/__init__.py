"""A bank's SFTP server, as ``hub.ports.BankDoor`` (contract sections 3, 4 and 5)."""

from connectors.bank.limits import Limits, Timeouts
from connectors.bank.sftp import SftpDoor

__all__ = ["Limits", "SftpDoor", "Timeouts"]
