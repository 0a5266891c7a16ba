"""Where the hub's own processes spend their time, function by function: py-spy beside a measured month.

py-spy is no part of the hub: `pip install py-spy`. A profiled run is slower than others, so its times are no figures.
"""

import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

PROFILED: Final = ("processors", "streams", "connector")
SAMPLES_A_SECOND: Final = 50
WAITING: Final = ("_worker (concurrent", "EpollSelector.select ", "Condition.wait ", "Connection.wait ", "wait_c ")
"""Functions in which a thread waits for others, which py-spy takes for work now and then."""
OURS: Final = ("hub/", "connectors/", "schemas/", "topics/")


class NoProfilerError(Exception):
    """py-spy is not on this machine: pip install py-spy."""


def _program() -> str:
    beside = Path(sys.executable).parent / "py-spy"
    found = str(beside) if beside.exists() else shutil.which("py-spy")
    if found is None:
        raise NoProfilerError(NoProfilerError.__doc__)
    return found


@dataclass(slots=True)
class Profiler:
    """Writes one file of collapsed stacks a process into ``folder``."""

    folder: Path
    recorders: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    commands: int = 0

    def start(self, pids: Mapping[str, int]) -> None:
        """Looks at the roles until the stop."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for role in PROFILED:
            if role in pids:
                words = [*self._record(role), "--duration", "86400", "--pid", str(pids[role])]
                self.recorders.append(
                    subprocess.Popen(
                        words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                    )
                )

    def around(self, name: str, words: Sequence[str]) -> list[str]:
        """The words of a command, run under the profiler."""
        self.commands += 1
        return [*self._record(f"{self.commands:02d} {name}"), "--", *words]

    def stop(self) -> None:
        for recorder in self.recorders:
            recorder.send_signal(signal.SIGINT)
        for recorder in self.recorders:
            recorder.wait(timeout=60)

    def _record(self, name: str) -> list[str]:
        file = self.folder / f"{name}.stacks"
        rate = str(SAMPLES_A_SECOND)
        return [_program(), "record", "--rate", rate, "--function", "--format", "raw", "--output", str(file)]


def table(folder: Path, most: int = 12) -> str:
    """By process, the functions of ours with most of the processor, with all that they call; seconds."""
    said = []
    for file in sorted(folder.glob("*.stacks")):
        within: Counter[str] = Counter()
        total = 0
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            stack, _, count = line.rpartition(" ")
            frames = stack.split(";")
            if frames[-1].startswith(WAITING):
                continue
            total += int(count)
            ours = {frame for frame in frames if any(part in frame for part in OURS)}
            within.update(dict.fromkeys(ours, int(count)))
        said.append(f"\n{file.stem}: {total / SAMPLES_A_SECOND:.1f} s")
        said += [f"  {count / SAMPLES_A_SECOND:7.1f}  {frame}" for frame, count in within.most_common(most)]
    return "\n".join(said)


if __name__ == "__main__":
    print(table(Path(sys.argv[1])))
