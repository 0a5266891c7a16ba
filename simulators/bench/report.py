"""The record of a run for people."""

from collections.abc import Iterator, Mapping
from typing import Any

Record = Mapping[str, Any]


def said(record: Record) -> str:
    """Tables of stages, processes, topics and floors, and the figures under them; or what small files waited."""
    if "latency" in record:
        return "\n".join(_latency(record["latency"]))
    return "\n".join(_lines(record))


def _lines(record: Record) -> Iterator[str]:
    yield from _stages(record["stages"])
    yield from _processes(record["processes"])
    if "topics" in record:
        yield ""
        yield "topic                                   MB"
        yield from (f"{name:32} {size / 1e6:9.1f}" for name, size in record["topics"].items())
    if "floors" in record:
        yield ""
        yield f"{'floor':12} {'seconds':>9}"
        yield from (f"{name:12} {parts['seconds']:9.2f}" for name, parts in record["floors"].items())
    yield ""
    rate = record["requests_to_delivered_lines_per_second"]
    yield f"requests on the topic → bank file delivered and read back: {rate:,} lines/s"
    if "ratio" in record:
        yield f"month close: {record['month_close_seconds']} s"
        yield f"largest process of the hub: {record['peak_rss_bytes'] / 1e6:.0f} MB"
        yield (
            f"{record['units']:,} bills, dues file to posted arrival, in {record['seconds']} s:"
            f" {record['bills_per_second']:,} bills/s, {record['cpu_seconds']} CPU seconds,"
            f" {record['ratio']} times the floors; {record['exports_compared']} exports equal the bench's own books"
        )


def _latency(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"files of {found['lines_a_file']:,} lines, from the .ok at the bank to posted, seconds"
    yield f"{'':28} {'files':>6} {'p50':>8} {'p99':>8}"
    beside, close = found["beside"], found["close"]
    for name, row in (
        ("idle hub", found["idle"]),
        (f"beside {beside['large_lines']:,} lines", beside),
        ("beside a month's close", close),
    ):
        yield f"{name:28} {row['files']:6} {row.get('p50', 0):8.3f} {row.get('p99', 0):8.3f}"
    yield f"the large batch: {beside['large_seconds']} s, {beside['large_posting_seconds']} s of it posting"
    yield f"month close: {close['month_close_seconds']} s"


def _stages(stages: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield f"{'stage':24} {'busy s':>8} {'span s':>8} {'lines':>10} {'lines/s':>10}"
    for name, stage in stages.items():
        busy, span = stage.get("seconds"), stage.get("span")
        lines, rate = stage.get("lines"), stage.get("lines_per_second")
        shown = [
            f"{busy:8.2f}" if busy is not None else " " * 8,
            f"{span:8.2f}" if span is not None else " " * 8,
            f"{lines:10,}" if lines is not None else " " * 10,
            f"{rate:10,}" if rate is not None else " " * 10,
        ]
        yield f"{name:24} {' '.join(shown)}".rstrip()


def _processes(processes: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield ""
    yield f"{'process':24} {'CPU s':>8} {'peak MB':>8}"
    for name, used in processes.items():
        yield f"{name:24} {used['cpu_seconds']:8.2f} {used['peak_rss_bytes'] / 1e6:8.0f}"
