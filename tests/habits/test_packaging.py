"""What stands in several files says the same in each; what others read keeps to their rules."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

from hub.app.settings import load
from hub.runtime.embedded.kafka import KAFKA_VERSION

ROOT = Path(__file__).parents[2]


def test_compose_file_keeps_to_the_compose_specification() -> None:
    words = ["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(ROOT / "docker" / "compose.yaml")]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_version_of_kafka_everywhere() -> None:
    names = {"m": "http://maven.apache.org/POM/4.0.0"}
    pom = ElementTree.parse(ROOT / "docker" / "kafka" / "pom.xml")  # noqa: S314  our own file
    fetched = (ROOT / "docker" / "kafka" / "libs.sha256").read_text()
    assert pom.findtext("m:properties/m:kafka.version", namespaces=names) == KAFKA_VERSION
    assert f"kafka_2.13-{KAFKA_VERSION}.jar" in fetched
    assert f"image: apache/kafka:{KAFKA_VERSION}\n" in (ROOT / "docker" / "compose.yaml").read_text()


def test_the_configuration_of_the_compose_file_can_be_loaded() -> None:
    settings = load(ROOT / "docker" / "hub.toml", {"HUB_DATABASE__URL": "postgresql://hub:x@postgres/hub"})
    assert not settings.kafka.embedded
    assert not settings.database.embedded


def test_requirements_are_what_pyproject_asks_for_each_with_its_hashes_and_no_registry() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    locked = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    for requirement in asked:
        name, version = re.sub(r"\[.*\]", "", requirement).split("==")
        assert re.search(rf"^{re.escape(name)}(\[.*\])?=={re.escape(version)} ", locked, re.MULTILINE), requirement
    entries = re.split(r"\n(?=[A-Za-z0-9])", locked.strip())
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in locked


def test_make_names_each_of_its_targets() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^make (\w+)", shown, re.MULTILINE) == [
        "help", "setup", "demo", "test", "lint", "stop", "clean", "lock",
    ]  # fmt: skip
