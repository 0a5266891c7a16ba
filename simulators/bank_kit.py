"""A bank to try things on, alone: answers every request that comes, by any profile, and errs as it is told to.

    python -m simulators.bank_kit DIRECTORY --once                     what lies in DIRECTORY/outbound is answered, once
    python -m simulators.bank_kit DIRECTORY --port 22022               the same behind an OpenSSH server, until Ctrl-C
    python -m simulators.bank_kit DIRECTORY --once --fault wrong-sum   … with a fault; --faults lists them
    python -m simulators.bank_kit --check FILE…                        are these the hub's requests, as a bank reads them?

DIRECTORY is the bank's: requests in ``outbound``, answers in ``inbound``, answered requests in ``answered``, those that
are not carried out in ``refused``, and in ``later`` what is to be laid down when its hour has come and the name is free.
What a line gets depends on the seed and its instruction alone.
"""

import argparse
import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from simulators.agency import Paper
from simulators.answer_faults import FAULTS, AnswerFault, UnfitAnswerError
from simulators.bank import BankServer, BankServerError, port_is_free
from simulators.bank_program import BankProgram, part_of, print_result, read_request, seals_in, sums_of
from simulators.bank_work import Asked, Given, Request, UnusableRequestError, refuse_unless
from simulators.chance import dice, draw, percent

DONE, FAILED, REFUSED, WRONG_USAGE = 0, 1, 2, 64
OTHER_REASONS: Final = ("03", "04", "05", "06", "99")
"""Why nothing was deducted, insufficient funds (02) aside."""

_BLOCK: Final = """\
[[banks]]
code = "{code}"
name = "{code}"
profile = "{profile}"
allow_partial = true
host = "127.0.0.1"
port = {port}
username = "{user}"
private_key = "{key}"
host_keys = ["{host_key}"]
outbound_dir = "{outbound}"
inbound_dir = "{inbound}"
done_dir = "{done}"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How the bank behaves. Shares in percent: of lines, and ``unanswered`` of requests, which never get an answer."""

    seed: int = 7
    insufficient: int = 10
    partial: int = 10
    refused: int = 5
    unanswered: int = 0
    late_seconds: int = 60
    faults: tuple[AnswerFault, ...] = ()

    def errs(self, name: str) -> bool:
        return any(fault.name == name for fault in self.faults)

    def decide(self, asked: Asked) -> Given:
        """What one line gets."""
        luck, whole = percent(self.seed, "luck", asked.instruction), sum(asked.wanted)
        reference = f"KIT{draw(self.seed, 'reference', asked.instruction):020d}"
        if luck < self.insufficient:
            return Given(asked, 0, "02", reference)
        if luck < self.insufficient + self.refused:
            why = OTHER_REASONS[draw(self.seed, "why", asked.instruction) % len(OTHER_REASONS)]
            return Given(asked, 0, why, reference)
        if luck < self.insufficient + self.refused + self.partial and asked.may_be_part and whole > 1:
            return Given(asked, part_of(self.seed, asked), "01", reference)
        return Given(asked, whole, "00", reference)


class Teller:
    """Says what was done: a sentence a line for people, an object a line for programs."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def say(self, event: str, text: str, **facts: object) -> None:
        print(json.dumps({"event": event, **facts}, ensure_ascii=False) if self._as_json else text, flush=True)


class BankKit:
    """One bank on its directory."""

    def __init__(self, code: str, directory: Path, manner: Manner, teller: Teller, day: date | None = None) -> None:
        self._program = BankProgram(code, manner.seed, directory)
        self._directory, self._manner, self._teller, self._day = directory, manner, teller, day
        for name in ("outbound", "inbound", "done", "answered", "refused", "later"):
            (directory / name).mkdir(parents=True, exist_ok=True)

    def work(self) -> int:
        """Answers what has come and lays down what is due; how many requests were not carried out."""
        refused = 0
        for seal in seals_in(self._program.outbound):
            file = seal.with_suffix("")
            try:
                request = self._read(file, seal)
                self._answer(request)
                self._put_by(file, seal, "answered")
            except (UnusableRequestError, UnfitAnswerError) as why:
                refused += 1
                self._put_by(file, seal, "refused")
                self._teller.say("refused", f"refused {file.name}: {why}", file=file.name, why=str(why))
        self._lay_what_is_due()
        return refused

    def _read(self, file: Path, seal: Path) -> Request:
        refuse_unless(file.is_file() and not file.is_symlink(), file.name, "there is an .ok and no file")
        request = read_request(file.name, file.read_bytes(), seal.read_bytes())
        refuse_unless(
            request.bank == self._program.code, file.name, f"meant for {request.bank}, not for {self._program.code}"
        )
        said = f"took {file.name}: {len(request.lines)} lines, {sums_of(request)}"
        total = sum(sum(line.wanted) for line in request.lines)
        self._teller.say("took", said, file=file.name, lines=len(request.lines), total=total)
        return request

    def _answer(self, request: Request) -> None:
        manner, name = self._manner, request.name
        if percent(manner.seed, "unanswered", request.batch) < manner.unanswered:
            self._teller.say("unanswered", f"{name} is never answered", file=name)
            return
        paper = self._paper(request, manner)
        if manner.errs("late"):
            self._keep(paper, manner.late_seconds)
            self._teller.say("late", f"{paper.name} comes in {manner.late_seconds} s", file=name, answer=paper.name)
            return
        self._lay(paper, self._seal(paper))
        if manner.errs("changed-after-ok"):
            (self._program.inbound / paper.name).write_bytes(self._another(request, paper).data)
        if manner.errs("again"):
            self._keep(paper, 0)
        if manner.errs("other-bytes-same-name"):
            self._keep(self._another(request, paper), 0)
        with_faults = "".join(f", fault {fault.name} ({fault.chinese})" for fault in manner.faults)
        names = [fault.name for fault in manner.faults]
        self._teller.say(
            "answered", f"answered {name} with {paper.name}{with_faults}", file=name, answer=paper.name, faults=names
        )

    def _paper(self, request: Request, manner: Manner, number: int = 0) -> Paper:
        """The answer with its faults: first in what it says, then in its bytes."""
        given = [manner.decide(asked) for asked in request.lines]
        dice(manner.seed, "order", request.name).shuffle(given)
        said = (request, given)
        for fault in manner.faults:
            said = said if fault.saying is None else fault.saying(said)
        day = self._day or request.day + timedelta(days=1)
        paper = print_result(*said, day, number or self._program.next_number(day))
        for fault in manner.faults:
            paper = paper if fault.printing is None else fault.printing(paper)
        return paper

    def _another(self, request: Request, paper: Paper) -> Paper:
        """A good answer of other bytes under the same name."""
        number = int(paper.name.rpartition("_")[2].partition(".")[0])
        other = self._paper(request, Manner(seed=self._manner.seed + 1), number)
        return Paper(paper.name, other.data)

    def _seal(self, paper: Paper) -> bytes | None:
        if self._manner.errs("no-ok"):
            return None
        of = paper.data + b"\n" if self._manner.errs("wrong-ok") else paper.data
        return f"{sha256(of).hexdigest()} {len(paper.data)}\n".encode("ascii")

    def _lay(self, paper: Paper, seal: bytes | None) -> None:
        """Lays an answer down as the agreement says: under another name first, its ``.ok`` last."""
        sent, inbound = self._directory / "sent", self._program.inbound
        sent.mkdir(exist_ok=True)
        for folder in (sent, inbound):
            _write_whole(folder / paper.name, paper.data)
        if seal is not None:
            _write_whole(inbound / f"{paper.name}.ok", seal)

    # -- what comes later -----------------------------------------------------------------------------------------

    def _keep(self, paper: Paper, seconds: int) -> None:
        """Keeps an answer back; the file's own time says when it is due, so that a new start knows it too."""
        kept = self._directory / "later" / paper.name
        kept.write_bytes(paper.data)
        due = time.time() + seconds
        os.utime(kept, (due, due))

    def _lay_what_is_due(self) -> None:
        for kept in sorted((self._directory / "later").iterdir()):
            free = not (self._program.inbound / kept.name).exists()
            if free and kept.stat().st_mtime <= time.time():
                paper = Paper(kept.name, kept.read_bytes())
                self._lay(paper, self._seal(paper))
                kept.unlink()
                self._teller.say("laid", f"laid down {paper.name}, kept back until now", answer=paper.name)

    def _put_by(self, file: Path, seal: Path, folder: str) -> None:
        for each in (file, seal):
            if each.exists() or each.is_symlink():
                each.replace(self._directory / folder / each.name)


def _write_whole(path: Path, data: bytes) -> None:
    """Under its name only when it is whole."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    part.replace(path)


def check(files: Iterable[Path], teller: Teller) -> int:
    """Whether files are requests that a bank would carry out; each needs its ``.ok`` beside it."""
    answer = DONE
    for file in files:
        try:
            seal = file.with_name(f"{file.name}.ok")
            refuse_unless(seal.is_file(), file.name, "no .ok beside it")
            request = read_request(file.name, file.read_bytes(), seal.read_bytes())
        except (UnusableRequestError, OSError) as why:
            answer = REFUSED
            teller.say("refused", f"refused {file.name}: {why}", file=file.name, why=str(why))
        else:
            said = f"{file.name}: {len(request.lines)} lines of batch {request.batch}, {sums_of(request)}"
            teller.say("fits", said, file=file.name, batch=request.batch, lines=len(request.lines))
    return answer


def list_faults(teller: Teller) -> int:
    for fault in FAULTS.values():
        facts = {"name": fault.name, "chinese": fault.chinese, "english": fault.english, "found_by": fault.found_by}
        teller.say("fault", f"{fault.name:22} {fault.chinese} / {fault.english} [{fault.found_by}]", **facts)
    return DONE


def _percent(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 100):
        raise argparse.ArgumentTypeError(f"a share is 0 to 100 percent, not {text!r}")
    return int(text)


def _number(first: int, last: int, what: str) -> Callable[[str], int]:
    def checked(text: str) -> int:
        if not (text.isascii() and text.isdigit() and first <= int(text) <= last):
            raise argparse.ArgumentTypeError(f"{what} is {first} to {last}, not {text!r}")
        return int(text)

    return checked


def _code(text: str) -> str:
    if not re.fullmatch(r"[A-Z0-9]{2,12}", text):
        raise argparse.ArgumentTypeError(f"a bank's code is 2 to 12 of A-Z and 0-9, not {text!r}")
    return text


def _parser() -> argparse.ArgumentParser:
    summary, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="simulators.bank_kit",
        description=summary,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("directory", type=Path, nargs="?", help="the bank's directory; made when it is not there")
    add("--bank", type=_code, default="SAMPLE", help="the bank's code (default SAMPLE, as `hub bank sample` writes)")
    add(
        "--port",
        type=_number(0, 65535, "a port"),
        help="serve the directory over SFTP on this port of the loopback; 0 for any that is free",
    )
    add("--profile", default="pipe-gb18030", help="what the lines for hub.toml say; answers follow the request")
    add("--once", action="store_true", help="one look at the directory, then end")
    add(
        "--every", type=_number(1, 86400, "a pause"), default=1, metavar="SECONDS", help="how often to look (default 1)"
    )
    add("--date", type=date.fromisoformat, help="the banking day of answers (default the day after the request's)")
    add("--seed", type=int, default=7, help="what the lines get depends on it (default 7)")
    add("--insufficient", type=_percent, default=10, metavar="PERCENT", help="lines without sufficient funds (10)")
    add(
        "--partial", type=_percent, default=10, metavar="PERCENT", help="lines paid in part, where that is allowed (10)"
    )
    add("--refused", type=_percent, default=5, metavar="PERCENT", help="lines refused for other reasons (5)")
    add("--unanswered", type=_percent, default=0, metavar="PERCENT", help="requests never answered (0)")
    add("--fault", action="append", default=[], choices=sorted(FAULTS), metavar="NAME", help="err so; may be repeated")
    add(
        "--late",
        type=_number(0, 86400, "a delay"),
        default=60,
        metavar="SECONDS",
        help="how late an answer with the fault late is (60)",
    )
    add("--faults", action="store_true", help="list the faults")
    add("--check", nargs="+", type=Path, metavar="FILE", help="check requests of the hub, each with its .ok")
    add("--json", action="store_true", help="an object a line")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """One bank until it is interrupted, or one look, one list, one check."""
    parser = _parser()
    try:
        wanted = parser.parse_args(arguments)
    except SystemExit as left:
        return WRONG_USAGE if left.code else DONE
    teller = Teller(as_json=wanted.json)
    if wanted.faults:
        return list_faults(teller)
    if wanted.check:
        return check(wanted.check, teller)
    if wanted.directory is None:
        parser.print_usage()
        return WRONG_USAGE
    return _serve(wanted, teller)


def _serve(wanted: argparse.Namespace, teller: Teller) -> int:
    """The bank at its work; what keeps it from that is told, and no server stays behind."""
    manner = Manner(
        seed=wanted.seed,
        insufficient=wanted.insufficient,
        partial=wanted.partial,
        refused=wanted.refused,
        unanswered=wanted.unanswered,
        late_seconds=wanted.late,
        faults=tuple(FAULTS[name] for name in wanted.fault),
    )
    try:
        kit = BankKit(wanted.bank, wanted.directory, manner, teller, wanted.date)
        with ExitStack() as ends:
            if wanted.port is not None:
                _open(wanted, teller, ends)
            return _run(kit, once=wanted.once, every=wanted.every)
    except BrokenPipeError:  # the reader, say `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (BankServerError, OSError) as failure:
        teller.say("failed", f"{failure}", why=str(failure))
        return FAILED


def _run(kit: BankKit, *, once: bool, every: int) -> int:
    """Looks once, or over and over until the process is told to end, or its terminal goes."""
    if once:
        return REFUSED if kit.work() else DONE
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopped.set())
    while not stopped.is_set():
        kit.work()
        stopped.wait(every)
    return DONE


def _open(wanted: argparse.Namespace, teller: Teller, ends: ExitStack) -> None:
    """The bank's server, up to the end of ``ends``; its keys stay from start to start. Says what hub.toml has to hold."""
    if wanted.port and not port_is_free(wanted.port):
        raise BankServerError(f"somebody listens on port {wanted.port} already; name another with --port, or 0 for any")
    key = wanted.directory.resolve() / "keys" / "hub"
    server = BankServer.set_up(wanted.bank, wanted.directory, key, wanted.port, keep_keys=True)
    ends.callback(server.stop)
    server.start()
    roles = {name: server.remote(name) for name in ("outbound", "inbound", "done")}
    facts = {
        "code": wanted.bank,
        "port": server.port,
        "user": server.username,
        "key": str(key),
        "host_key": server.host_key,
    }
    block = _BLOCK.format(profile=wanted.profile, **facts, **roles)
    teller.say("listening", f"listening on port {server.port}; for hub.toml:\n\n{block}", **facts)


if __name__ == "__main__":
    raise SystemExit(main())
