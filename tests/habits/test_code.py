"""Habits of the code that no linter knows: sizes, docstrings, whole fen, tests that wait for what they wait for."""

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("hub", "connectors", "topics", "schemas", "simulators")
FUNCTION_LINES = 70
PROCESSOR_LINES = 150
MONEY_PASSES = ("hub/domain", "hub/ledger", "hub/processors", "connectors/formats", "topics", "schemas")
"""The bank door and the runtime know seconds, which are no money."""


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def offences(find: Callable[[ast.Module], Iterator[str]], *folders: str) -> list[str]:
    """Where a habit is broken: file and what was found there."""
    files = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    assert files, "a habit without files holds nothing"
    return [f"{path.relative_to(ROOT)}: {what}" for path in files for what in find(tree_of(path))]


def test_every_module_says_what_it_is_for() -> None:
    def silent(tree: ast.Module) -> Iterator[str]:
        if tree.body and ast.get_docstring(tree) is None:
            yield "no docstring"

    assert offences(silent, *PACKAGES, "tests") == []


def test_a_function_fits_on_a_screen_or_two() -> None:
    def long(tree: ast.Module) -> Iterator[str]:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    yield f"{node.name} has {lines} lines"

    assert offences(long, *PACKAGES) == []


def test_a_processor_can_be_read_at_a_sitting() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in (ROOT / "hub" / "processors").glob("*.py")}
    assert {name: lines for name, lines in lengths.items() if lines > PROCESSOR_LINES} == {}


def floats(tree: ast.Module) -> Iterator[str]:
    """The types, literals with a point, and divisions that would make one; ``folder / "name"`` is a path."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in {"float", "Decimal"}:
            yield f"line {node.lineno}: {node.id}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield f"line {node.lineno}: {node.value}"
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div) and not _joins_paths(node):
            yield f"line {node.lineno}: a division"


def _joins_paths(node: ast.BinOp | ast.AugAssign) -> bool:
    parts = list(ast.walk(node))
    texts = [part for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return bool(texts) or any(isinstance(part, ast.Attribute) and part.attr == "name" for part in parts)


def test_money_never_meets_a_float() -> None:
    assert offences(floats, *MONEY_PASSES) == []


def test_the_search_for_floats_finds_them() -> None:
    for line in ("fen: float = 0", "fen = 1.5", "half = fen / 2", "fen /= 2", "Decimal(fen)"):
        assert list(floats(ast.parse(line))), line
    for line in ('folder / "name"', "half = fen // 2", "'1.5'"):
        assert not list(floats(ast.parse(line))), line


def test_tests_wait_for_what_they_wait_for() -> None:
    """A sleep outside of a loop waits for nothing but time; inside, it is the pause between two looks."""

    def idle(tree: ast.Module) -> Iterator[str]:
        loops = [node for node in ast.walk(tree) if isinstance(node, ast.While | ast.For | ast.AsyncFor)]
        looking = {inner for loop in loops for inner in ast.walk(loop)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node not in looking:
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name == "sleep":
                    yield f"line {node.lineno} sleeps"

    assert offences(idle, "tests") == []
