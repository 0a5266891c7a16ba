"""The bank's side of these tests is a real OpenSSH server."""

from tests.sshd import sshd

__all__ = ["sshd"]
