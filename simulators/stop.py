"""Stop a demo: the hub first, then the banks' servers. The data stays.

python -m simulators.stop [--home .demo]
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from simulators.hub_command import HubAnswerError
from simulators.scene import strike


def main(arguments: Sequence[str] | None = None) -> int:
    """1 when something does not stop."""
    parser = argparse.ArgumentParser(prog="simulators.stop", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--home", type=Path, default=Path(".demo"), help="the demo's folder (default .demo)")
    home: Path = parser.parse_args(arguments).home
    try:
        stopped = strike(home)
    except HubAnswerError as failure:
        print(f"the hub in {home} does not stop: {failure}")
        return 1
    print(f"stopped: {', '.join(stopped)}" if stopped else f"nothing of {home} is running")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
