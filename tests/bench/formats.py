"""What each bank file profile costs: a request written and read back, its answer read and held against what was asked.

    python -m tests.bench.formats --lines 1000000

No broker, no database, no network: the formats alone, in files of a folder of its own. Every step is a process of its own,
whose peak is the kernel's high-water mark of resident memory, the interpreter and its libraries included. A step that reads
other lines than were written fails, and no figure is printed. It stands here and not with the simulators because it measures
the hub's own matching, which they must not know.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import polars as pl

from connectors.formats import PROFILES
from hub.domain.bank_results_columns import answers_fit
from hub.ports import BankFormat, BatchHeader, ResultFile
from simulators import bank_iso20022
from simulators.amounts import FUNDS, yuan
from simulators.bank_program import bytes_of_result
from simulators.bench.accounts import memory_of
from simulators.bench.bank_forms import transactions

STEPS: Final = ("write", "read request", "read answer", "match")
BANK, BATCH, ASKED_ON, ANSWERED_ON = "ICBC", "ICBC-2026-12-1-001", date(2026, 12, 2), date(2026, 12, 3)
HEADER: Final = BatchHeader(BANK, BATCH, "2026-12", 1, ASKED_ON)
_AT_ONCE: Final = 50_000
_ANSWERS: Final = {"pipe-gb18030": "HD_{}.txt", "fixed-gb18030": "HF_{}.txt", "iso20022": "PAIN002_{}.xml"}


class StepFailedError(Exception):
    """A step found other lines than were written."""


def asked(lines: int) -> Iterator[pl.DataFrame]:
    """A request as the books hand it out, part by part."""
    number = pl.col("line").cast(pl.Int64)
    for first in range(1, lines + 1, _AT_ONCE):
        places = pl.int_range(first, min(first + _AT_ONCE, lines + 1), eager=True, dtype=pl.Int32)
        yield (
            places.alias("line")
            .to_frame()
            .select(
                "line",
                pl.format("M202612-{}-1", number + 110105000000).alias("instruction_no"),
                (number + 110105000000).cast(pl.String).alias("unit"),
                pl.format("0200004{}", number.cast(pl.String).str.zfill(12)).alias("account"),
                pl.lit("北京市朝阳区商贸有限公司").alias("account_name"),
                *(
                    (number % 1_000_000 + most).alias(fund)
                    for fund, most in zip(FUNDS, (800_000, 2000, 400, 16), strict=True)
                ),
                (number % 7 > 0).alias("partial"),
            )
        )


def answered(part: pl.DataFrame) -> pl.DataFrame:
    """The bank's answer to a part: nine of ten in full, the others not at all."""
    full = pl.col("line") % 10 > 0
    return part.with_columns(
        pl.sum_horizontal(FUNDS).alias("requested"),
        *(pl.when(full).then(pl.col(fund)).otherwise(0).alias(fund) for fund in FUNDS),
        pl.when(full).then(pl.lit("00")).otherwise(pl.lit("02")).alias("code"),
        pl.format("R{}", pl.col("line").cast(pl.String).str.zfill(20)).alias("reference"),
    ).with_columns(pl.sum_horizontal(FUNDS).alias("deducted"))


def _in_yuan(name: str) -> pl.Expr:
    fen = pl.col(name)
    return pl.format("{}.{}", fen // 100, (fen % 100).cast(pl.String).str.zfill(2))


def _piped() -> pl.Expr:
    amounts = [_in_yuan(name) for name in ("requested", "deducted", *FUNDS)]
    texts = ("line", "instruction_no", "unit")
    return pl.concat_str(pl.lit("D"), *texts, *amounts, "code", "reference", separator="|")


def _fixed() -> pl.Expr:
    amounts = [pl.col(name).cast(pl.String).str.zfill(12) for name in ("requested", "deducted", *FUNDS)]
    line, number = pl.col("line").cast(pl.String).str.zfill(9), pl.col("instruction_no").str.pad_end(36)
    return pl.concat_str(pl.lit("D"), line, number, "unit", "code", *amounts, pl.col("reference").str.pad_end(64))


def _message() -> pl.Expr:
    funds = {f"came_{fund}": fund for fund in FUNDS}
    return transactions({"instruction": "instruction_no", "asked": "requested", "money": "deducted", **funds})


_DETAILS: Final[dict[str, Callable[[], pl.Expr]]] = {
    "pipe-gb18030": _piped, "fixed-gb18030": _fixed, "iso20022": _message,
}  # fmt: skip


def write_answer(profile: BankFormat, lines: int, file: Path) -> None:
    """The bank's file, part by part; what stands around the lines is the banks' own programs'."""
    sums = pl.concat(
        [
            answered(part).group_by("code").agg(pl.len(), pl.col("requested", "deducted", *FUNDS).sum())
            for part in asked(lines)
        ]
    )
    whole = {name: int(sums[name].sum()) for name in ("requested", "deducted", *FUNDS)}
    shares = {
        {"00": "ACSC"}.get(code, "RJCT"): (count, deducted)
        for code, count, deducted in sums.group_by("code").agg(pl.col("len", "deducted").sum()).iter_rows()
    }
    header = ["H", "RESULT", "1", BANK, BATCH, profile.request_name(BANK, ASKED_ON, 1), str(ANSWERED_ON)]
    full = shares.get("ACSC", (0, 0))[0]
    trailer = ["T", str(lines), str(full), *map(yuan, whole.values())]
    if profile.name == "iso20022":
        head = bank_iso20022.head_of_result(header, trailer, shares, file.name).encode()
        tail = bank_iso20022.TAIL_OF_RESULT.encode()
    else:
        head, tail = (bytes_of_result([row], file.name) for row in (header, trailer))
    with file.open("wb") as out:
        out.write(head)
        for part in asked(lines):
            text = answered(part).select(_DETAILS[profile.name]().alias("text"))["text"]
            out.write(text.str.join("\n").cast(pl.Binary).item() + b"\n")
        out.write(tail)


def take_step(step: str, profile: BankFormat, lines: int, folder: Path) -> dict[str, Any]:
    """One step in this process: seconds, processor seconds, and the peak of its memory in bytes."""
    request, answer = folder / "request", folder / _ANSWERS[profile.name].format(f"{BANK}_{ANSWERED_ON:%Y%m%d}_0001")
    if step == "match":
        compared = ("line", "instruction_no", "unit", *FUNDS, "partial")
        wanted = [part.select(compared) for part in asked(lines)]
    began, used = time.monotonic(), time.process_time()
    if step == "write":
        with request.open("wb") as out:
            found = profile.write_request(HEADER, asked(lines), out).lines
    elif step == "read request":
        with request.open("rb") as data:
            found = sum(1 for _ in profile.read_request(data)[1])
    else:
        with answer.open("rb") as data:
            read = profile.parse_result(answer.name, BANK, data)
        if not isinstance(read, ResultFile):
            raise StepFailedError(f"{profile.name}: {read.faults[0].message}")
        found = len(read.answers)
        if step == "match" and not answers_fit(wanted, read.answers):
            raise StepFailedError(f"{profile.name}: the answer does not fit what was asked")
    spent = {"seconds": round(time.monotonic() - began, 2), "cpu_seconds": round(time.process_time() - used, 2)}
    if found != lines:
        raise StepFailedError(f"{profile.name}, {step}: {found} lines of {lines}")
    file = request if step in {"write", "read request"} else answer
    return {**spent, "peak_rss_bytes": memory_of(os.getpid(), "VmHWM"), "file_bytes": file.stat().st_size}


def measure(profiles: Sequence[str], lines: int) -> list[dict[str, Any]]:
    """Every step of every profile, each in a process of its own."""
    rows = []
    for name in profiles:
        with TemporaryDirectory(prefix="formats-") as folder:
            for step in STEPS:
                if step == "read answer":
                    _run("write answer", name, lines, folder)
                rows.append({"profile": name, "step": step, "lines": lines, **_run(step, name, lines, folder)})
    return rows


def _run(step: str, profile: str, lines: int, folder: str) -> dict[str, Any]:
    words = ["--step", step, "--profile", profile, "--lines", str(lines), "--folder", folder]
    done = subprocess.run([sys.executable, "-m", "tests.bench.formats", *words], stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise StepFailedError(f"{profile}, {step}: see above")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def said(rows: Sequence[dict[str, Any]]) -> str:
    """A table for people. Matching is reading the answer and holding it against what was asked."""
    lines = [
        f"{'profile':14} {'step':13} {'seconds':>8} {'µs a line':>9} {'CPU µs':>7} {'peak MB':>8} {'bytes a line':>12}"
    ]
    for row in rows:
        a_line = [row[each] / row["lines"] * 1e6 for each in ("seconds", "cpu_seconds")]
        figures = f"{row['seconds']:8.2f} {a_line[0]:9.2f} {a_line[1]:7.2f} {row['peak_rss_bytes'] / 1e6:8.0f}"
        lines.append(f"{row['profile']:14} {row['step']:13} {figures} {row['file_bytes'] / row['lines']:12.0f}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 with figures; 1 when a step failed."""
    parser = argparse.ArgumentParser(prog="tests.bench.formats", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--profile", action="append", choices=sorted(_DETAILS), help="as often as wanted; else all")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    profiles = given.profile or list(_DETAILS)
    try:
        if given.step:
            profile = PROFILES[profiles[0]]
            if given.step == "write answer":
                name = _ANSWERS[profile.name].format(f"{BANK}_{ANSWERED_ON:%Y%m%d}_0001")
                write_answer(profile, given.lines, given.folder / name)
                print("{}")
            else:
                print(json.dumps(take_step(given.step, profile, given.lines, given.folder)))
            return 0
        rows = measure(profiles, given.lines)
    except StepFailedError as failed:
        print(f"no figure: {failed}", file=sys.stderr)
        return 1
    print(json.dumps(rows) if given.json else said(rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
