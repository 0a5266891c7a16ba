"""Result files whose ``.ok`` does not agree: one more poll to finish writing, then quarantine (contract section 4)."""

from dataclasses import dataclass

from sqlalchemy import Engine, text


@dataclass(frozen=True, slots=True)
class UnreadyResults:
    """What earlier polls of a bank saw and left alone."""

    engine: Engine
    bank: str

    def seen_before(self, name: str, fingerprint: str) -> bool:
        """True when the last poll saw the file just so; notes how it looks now."""
        with self.engine.begin() as conn:
            was = conn.execute(
                text("select fingerprint from bank_file_seen where bank = :bank and name = :name"),
                {"bank": self.bank, "name": name},
            ).scalar_one_or_none()
            conn.execute(
                text(
                    "insert into bank_file_seen (bank, name, fingerprint) values (:bank, :name, :fingerprint)"
                    " on conflict (bank, name) do update set fingerprint = excluded.fingerprint"
                ),
                {"bank": self.bank, "name": name, "fingerprint": fingerprint},
            )
        return bool(was == fingerprint)

    def forget(self, name: str) -> None:
        """The file has been dealt with."""
        with self.engine.begin() as conn:
            conn.execute(
                text("delete from bank_file_seen where bank = :bank and name = :name"),
                {"bank": self.bank, "name": name},
            )
