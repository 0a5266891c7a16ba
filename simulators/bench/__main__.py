"""``python -m simulators.bench``: what ``hub bench`` starts."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from simulators.bank import BankServerError
from simulators.bench import growth, report
from simulators.bench.bank_forms import FORMS
from simulators.bench.crowd import Crowd
from simulators.bench.desk import WrongRequestError
from simulators.bench.latency import SMALL_FILES, NeverPostedError
from simulators.bench.month import SMALL_LINES, Tell
from simulators.bench.run import BooksDifferError, Wanted, measure, measure_delivery, measure_small_files
from simulators.hub_command import HubAnswerError
from simulators.population import BANKS, DISTRICTS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hub bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--units", type=int, default=100_000)
    parser.add_argument("--agencies", type=int, default=5, choices=range(1, len(DISTRICTS) + 1))
    parser.add_argument("--banks", type=int, choices=range(1, len(BANKS)), help="default 4; with --latency 1")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--stage", choices=("delivery",), help="only as far as the bank files' delivery")
    parser.add_argument("--form", choices=sorted(FORMS), default="pipe-gb18030", help="the profile of the banks' files")
    parser.add_argument("--whole", action="store_true", help="one file a bank and round, however large")
    parser.add_argument("--latency", action="store_true", help="how long files of 1,000 lines wait")
    parser.add_argument("--sizes", help="several sizes, such as 10000,100000,1000000")
    parser.add_argument("--record", type=Path, help="add the figures to that file, a JSON line a run")
    parser.add_argument("--label", default="now", help="what the record calls the run")
    parser.add_argument("--apart", action="store_true", help="every hour of the month a command of its own")
    parser.add_argument("--verify", action="store_true", help="hub verify at the end")
    parser.add_argument("--keep", action="store_true", help="leave the run's folder")
    parser.add_argument("--code", type=Path, help="measure the hub whose code is in that folder")
    parser.add_argument("--profile", type=Path, help="py-spy's stacks of the hub's processes go into that folder")
    parser.add_argument("--json", action="store_true")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """0 with figures; 1 without, when the books are not ours or something broke."""
    given = _parser().parse_args(arguments)
    began = time.monotonic()

    def tell(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {what}", file=sys.stderr, flush=True)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the scene is struck all the same
    crowd = _crowd(given)
    if given.sizes:
        return _grow(given)
    wanted = Wanted(
        crowd=crowd, apart=given.apart, form=given.form, whole=given.whole, verify=given.verify, keep=given.keep,
        code=given.code.resolve() if given.code else None, profile=given.profile,
    )  # fmt: skip
    try:
        document = _measure_of(given)(wanted, tell)
    except BooksDifferError as differ:
        return _failed(f"the books differ: {differ}", given.json)
    except (HubAnswerError, BankServerError, WrongRequestError, NeverPostedError, ValueError) as failure:
        return _failed(f"{type(failure).__name__}: {failure}", given.json)
    if given.record:
        document = growth.keep(given.record, given.label, document, given.code)
    print(json.dumps(document, ensure_ascii=False) if given.json else report.said(document))
    return 0


def _grow(given: argparse.Namespace) -> int:
    """Each size in a process of its own."""
    words = ["--agencies", str(given.agencies), "--seed", str(given.seed), "--label", given.label]
    words += ["--banks", str(given.banks)] if given.banks else []
    words += [
        word for name in ("record", "code") if getattr(given, name) for word in (f"--{name}", str(getattr(given, name)))
    ]
    words += ["--verify"] if given.verify else []
    try:
        found = [growth.measured(int(units), words) for units in given.sizes.split(",")]
    except (growth.RunFailedError, ValueError) as failure:
        return _failed(str(failure), given.json)
    print(json.dumps(found, ensure_ascii=False) if given.json else growth.said(found))
    return 0


def _crowd(given: argparse.Namespace) -> Crowd:
    banks = tuple(BANKS)[: given.banks or (1 if given.latency else 4)]
    small = tuple(BANKS)[-1] if given.latency else ""
    lines = SMALL_FILES * SMALL_LINES if given.latency else 0
    return Crowd(
        seed=given.seed, units=given.units + lines, agencies=tuple(DISTRICTS)[: given.agencies],
        banks=banks, small_bank=small, small_lines=lines,
    )  # fmt: skip


def _measure_of(given: argparse.Namespace) -> Callable[[Wanted, Tell], dict[str, Any]]:
    if given.latency:
        return measure_small_files
    return measure_delivery if given.stage else measure


def _failed(what: str, as_json: bool) -> int:
    document: dict[str, Any] = {"error": what}
    if as_json:
        print(json.dumps(document, ensure_ascii=False))
    print(f"no figure: {what}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
