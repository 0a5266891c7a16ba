"""File names from the other side. What could mean something to a shell, a path or an eye is left alone."""

import unicodedata
from hashlib import sha256

from connectors.bank.failures import HostileNameError

NAME_BYTES_MAX = 200
_INVISIBLE = frozenset(
    {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
)  # controls, RTL marks, surrogates, separators of lines


def why_hostile(name: bytes) -> str | None:
    """Why this name is left alone, in words fit for a log; None for a harmless one."""
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return "not UTF-8"
    found = {
        f"length {len(name)}, 1 to {NAME_BYTES_MAX} bytes are taken": not 0 < len(name) <= NAME_BYTES_MAX,
        "path separator": "/" in text or "\\" in text,
        "leading dot or dash": text.startswith((".", "-")),
        "white space at an end": text != text.strip(),
        "control or invisible character": any(unicodedata.category(char) in _INVISIBLE for char in text),
    }
    return next((reason for reason, is_so in found.items() if is_so), None)


def digest_of(name: bytes) -> str:
    """Tells names apart without spelling them."""
    return sha256(name).hexdigest()[:16]


def without_personal_data(name: bytes) -> dict[str, str | int]:
    """What a log may say of a hostile name: enough to find it again, nothing of what it spells."""
    return {"name_length": len(name), "name_sha256": digest_of(name)}


def harmless(name: str) -> str:
    """The name itself, or HostileNameError. Guards every name that is about to become part of a path."""
    reason = why_hostile(name.encode("utf-8", "surrogatepass"))
    if reason is not None:
        raise HostileNameError(
            f"A file name is not taken: {reason}.", advice="Ask the bank to rename or remove the file."
        )
    return name
