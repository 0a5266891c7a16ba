"""A whole measurement: one month from the dues to the arrears, the floors on its data, and the record of it."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from simulators.bench import floors as bare
from simulators.bench import stages
from simulators.bench.commands import Ran
from simulators.bench.crowd import Crowd
from simulators.bench.latency import measure_latency
from simulators.bench.month import Month, Tell, month_of
from simulators.bench.profile import Profiler
from simulators.bench.stages import Stage
from simulators.bench.watch import OWN_ROLES, MachineUse, Watch
from simulators.scene import strike

REQUESTED: Final = "settle.deduction-requested.v1"
SENT: Final = "settle.bank-file-sent.v1"


class BooksDifferError(Exception):
    """The hub's books are not the bench's: no figure is worth anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be measured. ``form``: the profile of the banks' files, one a bank and round when ``whole``, however large;
    ``code``: the folder whose hub runs, where not the installed one.
    """

    crowd: Crowd
    apart: bool = False
    form: str = "pipe-gb18030"
    whole: bool = False
    verify: bool = False
    keep: bool = False
    code: Path | None = None
    profile: Path | None = None


@contextmanager
def on_stage(wanted: Wanted, tell: Tell) -> Iterator[tuple[Month, Watch]]:
    """A month on a running hub in a folder of its own, and somebody who watches its processes."""
    home = Path(tempfile.mkdtemp(prefix="hub-bench-"))
    watch = Watch(home)
    try:
        profiler = Profiler(wanted.profile) if wanted.profile else None
        month = month_of(
            home, wanted.crowd, tell,
            apart=wanted.apart, form=wanted.form, whole=wanted.whole, code=wanted.code, profiler=profiler,
        )  # fmt: skip
        tell("start the banks' servers and the hub")
        month.scene.open()
        watch.start()
        if profiler is not None:
            profiler.start(watch.pids())
        yield month, watch
        if profiler is not None:
            profiler.stop()
    finally:
        watch.stop()
        strike(home)
        if not wanted.keep:
            shutil.rmtree(home, ignore_errors=True)


def measure(wanted: Wanted, tell: Tell) -> dict[str, Any]:
    """The record of a run. Raises BooksDifferError when the books differ from ours."""
    began = time.time()
    with on_stage(wanted, tell) as (month, watch):
        machine = MachineUse()
        first = _first_round(month)
        others = machine.by_others(watch, first)
        url = str(month.hub.status()["database_url"])
        servers = str(month.hub.status()["bootstrap_servers"])
        found_stages = _stages_of(month, url, first)
        delivered = delivery_of(month, url)
        topics = topic_bytes(month.scene.home / "hub")
        floors, floors_cpu = _floors_and_processor(month, watch, url, servers)
        second = _second_round(month)
        closing = month.close()
        watch.look()
        _must_agree(month)
        checks = _verified(month) if wanted.verify else None
        wall = sum(ran.seconds for ran in first)
        usage = memory_and_processor(month, watch, first)
        return {
            "units": wanted.crowd.units,
            "agencies": len(wanted.crowd.agencies),
            "banks": len(wanted.crowd.banks),
            "seed": wanted.crowd.seed,
            "form": wanted.form,
            "seconds": round(wall, 2),
            "bills_per_second": round(wanted.crowd.units / wall),
            "ratio": round(wall / bare.total_seconds(floors), 2),
            "cpu_ratio": round(usage["cpu_seconds"] / floors_cpu, 2),
            "others_share": others,
            "requests_to_delivered_lines_per_second": delivered.get("lines_per_second", 0),
            "month_close_seconds": round(sum(ran.seconds for ran in closing), 2),
            **usage,
            "stages": {
                **found_stages,
                "requests to delivered": delivered,
                "second round": stages.of_commands(second),
                "month close": stages.of_commands(closing),
            },
            "commands": _commands(watch, first),
            "floors": {**bare.tidy(floors), "sum": {"seconds": round(bare.total_seconds(floors), 2)}},
            "topics": topics,
            "arrears": month.books.arrears_count(),
            "exports_compared": len(month.books.exports()),
            "verified": checks,
            "whole_run_seconds": round(time.time() - began, 1),
        }


def measure_delivery(wanted: Wanted, tell: Tell) -> dict[str, Any]:
    """The short form: dues and the first files only, up to their delivery. The banks check every line of them."""
    with on_stage(wanted, tell) as (month, watch):
        ran = [*month.dues(), *month.request_and_deliver(1)]
        month.banks_take(1)
        url = str(month.hub.status()["database_url"])
        delivered = delivery_of(month, url)
        watch.look()
        return {
            "units": wanted.crowd.units,
            "requests_to_delivered_lines_per_second": delivered.get("lines_per_second", 0),
            **memory_and_processor(month, watch, ran),
            "stages": {**_stages_of(month, url, ran), "requests to delivered": delivered},
            "commands": _commands(watch, ran),
        }


def measure_small_files(wanted: Wanted, tell: Tell) -> dict[str, Any]:
    """The waiting of small files. Raises BooksDifferError when the books differ from ours at its end."""
    with on_stage(wanted, tell) as (month, watch):
        found = measure_latency(month)
        watch.look()
        _must_agree(month)
        return {
            "units": wanted.crowd.units,
            "latency": found,
            "peak_rss_bytes": memory_and_processor(month, watch, ())["peak_rss_bytes"],
        }


def _first_round(month: Month) -> list[Ran]:
    ran = [*month.dues(), *month.request_and_deliver(1)]
    month.banks_take(1)
    return [*ran, *month.check_and_post(1)]


def _second_round(month: Month) -> list[Ran]:
    ran = [*month.second_chances(), *month.request_and_deliver(2)]
    month.banks_take(2)
    return [*ran, *month.check_and_post(2)]


def _floors_and_processor(month: Month, watch: Watch, url: str, servers: str) -> tuple[bare.Floors, float]:
    """The floors, and the processor seconds that all of their measuring took, ours and the services'."""
    watch.look()
    began, own = watch.times[-1], time.process_time()
    floors = floors_of(month, url, servers)
    watch.look()
    services = watch.between(began, watch.times[-1])
    spent = sum(services.get(name, 0.0) for name in ("kafka", "postgres", "sshd"))
    return floors, spent + time.process_time() - own


def _must_agree(month: Month) -> None:
    differences = month.differences()
    if differences:
        raise BooksDifferError(f"{len(differences)} differences, the first: {differences[0]}")


def _verified(month: Month) -> int:
    month.tell("verify")
    checks = month.hub.verify()
    failed = [check for check in checks if not check["ok"]]
    if failed:
        raise BooksDifferError(f"verify: {failed[0]['name']}: {failed[0]['detail']}")
    return len(checks)


# -- figures ----------------------------------------------------------------------------------------------------------


def _stages_of(month: Month, url: str, ran: Sequence[Ran]) -> dict[str, Stage]:
    """By the hub's record of its work where there is one, else by the stamps in the books."""
    pieces = stages.pieces_of(month.scene.home / "hub" / "log" / "work.log")
    found = {**stages.of_stamps(url), **stages.of_pieces(pieces, ran[0].began, ran[-1].ended, month.books.crowd.units)}
    dues = [one for one in ran if one.name == "hub agency submit"]
    if "take in dues" not in found:
        seconds = sum(one.seconds for one in dues)
        found["take in dues"] = stages.timed(seconds, seconds, month.books.crowd.units)
    return {name: found[name] for name in stages.STAGES if name in found}


def delivery_of(month: Month, url: str) -> Stage:
    """Requests on the topic → bank file delivered and read back.

    From the first request on its topic (the relay's first round with one, or the end of the upload's step by the hub's
    record, whichever is earlier) to the end of the last delivery (by the record; else the publication of the last
    ``bank-file-sent``). What is left of the upload's step by then is part of what is measured.
    """
    published = stages.passings(url)
    if REQUESTED not in published or SENT not in published:
        return {}
    pieces = stages.pieces_of(month.scene.home / "hub" / "log" / "work.log")
    uploads = [piece.ended for piece in pieces if piece.stage == "upload-close"]
    deliveries = [piece.ended for piece in pieces if piece.stage == "deliver"]
    began = min([*uploads, published[REQUESTED].published_first])
    ended = max(deliveries, default=published[SENT].published_last)
    return stages.timed(None, ended - began, published[REQUESTED].lines)


def floors_of(month: Month, url: str, servers: str) -> bare.Floors:
    """Of what has passed so far: the dues, the first requests and results, the events, the rows."""
    scratch = month.scene.home / "scratch"
    scratch.mkdir()
    schemas = (month.hub.code or Path(__file__).parents[2]) / "schemas"
    requests = {code: sorted((desk.directory / "taken").glob(desk.form.requests)) for code, desk in month.desks.items()}
    results = {
        code: sorted((desk.directory / "done").glob(desk.form.answer.format("*"))) for code, desk in month.desks.items()
    }
    files = [*month.dues_files, *(file for of_bank in (*requests.values(), *results.values()) for file in of_bank)]
    banks = [
        (server, month.scene.home / "keys" / server.code.lower(), requests[server.code], results[server.code])
        for server in month.scene.servers
    ]
    parts: list[tuple[str, Callable[[], bare.Floors]]] = [
        ("files", lambda: bare.files_floor(files, scratch)),
        ("avro and kafka", lambda: bare.topics_floor(servers, schemas)),
        ("copy", lambda: bare.copy_floor(url)),
        ("sftp", lambda: bare.sftp_floor(banks)),
    ]
    found: bare.Floors = {}
    for name, measured in parts:
        month.tell(f"floor: {name}")
        found |= measured()
    if not all(parts["seconds"] > 0 for parts in found.values()):
        raise ValueError(f"a floor has not been measured: {found}")
    return found


def topic_bytes(home: Path) -> dict[str, int]:
    """Bytes of each topic in Kafka's log directory."""
    found: dict[str, int] = {}
    for folder in sorted((home / "kafka" / "data").glob("settle.*-*")):
        size = sum(file.stat().st_size for file in folder.glob("*.log"))
        name = folder.name.rpartition("-")[0]
        found[name] = found.get(name, 0) + size
    return {name: size for name, size in found.items() if size}


def _commands(watch: Watch, ran: Sequence[Ran]) -> list[dict[str, Any]]:
    """Each command with the processor seconds of every process while it ran, its own among them."""
    return [
        {
            "command": " ".join(word for word in one.words if "/" not in word),
            "seconds": round(one.seconds, 3),
            "cpu_seconds": {"command": round(one.cpu_seconds, 2), **watch.between(one.began, one.ended)},
        }
        for one in ran
    ]


def memory_and_processor(month: Month, watch: Watch, ran: Sequence[Ran]) -> dict[str, Any]:
    """Processor seconds of a stretch of commands, and peak memory of the whole run, by process."""
    used: dict[str, float] = {}
    for one in ran:
        for name, seconds in watch.between(one.began, one.ended).items():
            used[name] = round(used.get(name, 0.0) + seconds, 2)
        used[one.name] = round(used.get(one.name, 0.0) + one.cpu_seconds, 2)
    peaks = dict(watch.peaks)
    for one in month.hub.ran:
        peaks[one.name] = max(peaks.get(one.name, 0), one.peak_rss_bytes)
    own = [peak for name, peak in peaks.items() if name in OWN_ROLES or name.startswith("hub ")]
    processes = {
        name: {"cpu_seconds": used.get(name, 0.0), "peak_rss_bytes": peak} for name, peak in sorted(peaks.items())
    }
    return {
        "peak_rss_bytes": max(own, default=0),
        "cpu_seconds": round(sum(used.values()), 2),
        "processes": processes,
    }
