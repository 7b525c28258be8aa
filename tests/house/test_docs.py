"""The pages say what is so: written parts are fresh, links lead somewhere, weaknesses are owned up to."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import pages
from headgate.core.call import Outcome

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]


def prose(page: Path) -> str:
    """A page without its fenced blocks and its code."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "``", text)


def anchors(page: Path) -> set[str]:
    """The names headings get: lower case, hyphens for spaces, nothing else."""
    heads = re.findall(r"^#{1,6} (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        found = (page.parent / name).resolve() if name else page
        assert found.exists(), f"{target} is not there"
        assert not anchor or anchor in anchors(found), f"{found.name} has no heading #{anchor}"


def test_what_is_written_from_the_code_is_fresh() -> None:
    written = pages.written()
    assert sorted(part for parts in written.values() for part in parts) == sorted(pages.PARTS)
    for page in written:
        text = page.read_text()
        assert pages.renewed(text) == text, f"{page.name} has aged: make docs"


def test_every_layer_owns_up_to_a_weakness() -> None:
    """A layer is every module of the pipeline but those that layers are made of."""
    pipeline = ROOT / "src" / "headgate" / "pipeline"
    layers = {
        path for path in pipeline.glob("*.py") if path.stem not in ("__init__", "service", "scope", "replay")
    }
    assert len(layers) >= 11
    assert not [path.name for path in layers if not pages.confessed(path)]


def test_the_two_commands_come_first_in_the_readme() -> None:
    block = re.search(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert block is not None
    assert [line.split("#")[0].split() for line in block[1].splitlines()] == [
        ["make", "demo"],
        ["make", "test"],
    ]


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda page: page.stem
)
def test_a_decision_tells_context_decision_price_and_what_would_change_it(page: Path) -> None:
    assert re.fullmatch(r"\d{3}-[a-z0-9-]+", page.stem)
    heads = re.findall(r"^## (.+)$", page.read_text(), flags=re.MULTILINE)
    assert heads == ["Context", "Decision", "Price", "What would change our mind"]


def test_every_module_is_in_the_tree_of_the_architecture() -> None:
    """Modules by their names; of the providers' dialects the folder."""
    drawn = set(re.findall(r"\w+", (ROOT / "ARCHITECTURE.md").read_text()))
    source = ROOT / "src" / "headgate"
    modules = {path.stem for path in [*source.glob("*.py"), *source.glob("*/*.py")]}
    folders = {path.parent.name for path in source.glob("providers/*/__init__.py")}
    assert not (modules | folders) - drawn - {"__init__", "main"}


def test_every_page_is_on_the_list_of_pages() -> None:
    listed = set(LINK.findall((ROOT / "docs" / "README.md").read_text()))
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"} <= listed


def test_every_outcome_is_explained() -> None:
    section = (ROOT / "docs" / "surfaces.md").read_text().partition("## Outcomes")[2]
    told = re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)
    assert sorted(told) == sorted(Outcome)


def locked(name: str) -> dict[str, str]:
    """Package → its version, of a lock in which every line is one that `pip --require-hashes` takes."""
    text = (ROOT / name).read_text()
    lines = "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("#"))
    pins = {}
    for line in lines.replace("\\\n", " ").splitlines():
        found = re.fullmatch(r"([a-z0-9.-]+)==(\S+)( ; [^#]+?)?((?: +--hash=sha256:[0-9a-f]{64})+)", line)
        assert found, line[:80]
        pins[found[1]] = found[2]
    return pins


def test_the_locks_pin_everything_by_hash_name_no_index_and_agree() -> None:
    runtime, dev = locked("requirements.txt"), locked("requirements-dev.txt")
    assert all(runtime[name] == version for name, version in dev.items() if name in runtime)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    backend = project["build-system"]["requires"]
    wanted = [*project["project"]["dependencies"], *backend]
    assert {re.split(r"[^\w-]", one)[0] for one in wanted} <= set(runtime)
    groups = project["dependency-groups"]
    wanted = [*project["project"]["dependencies"], *groups["test"], *groups["check"]]
    assert {re.split(r"[^\w-]", one)[0] for one in wanted} <= set(dev)
