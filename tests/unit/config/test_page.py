from pathlib import Path

from headgate.config import scenario
from headgate.config.load import load, schema
from headgate.config.page import page
from headgate.config.section import Section
from headgate.config.tree import Settings
from headgate.providers.catalog import ROWS

ROOT = Path(__file__).parents[3]


SECTIONS: list[type[Section]] = [
    section for section in Section.__subclasses__() if section.__module__ != scenario.__name__
]
"""Those of a configuration; a scenario is a file of its own."""


def test_the_committed_page_is_fresh() -> None:
    committed = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert committed == page(), "run: python -m headgate.config.page > docs/configuration.md"


def test_every_key_of_the_tree_has_a_row() -> None:
    text = page()
    sections: list[type[Section]] = [Settings, *SECTIONS]
    for section in sections:
        for name, field in section.model_fields.items():
            assert any(
                line.startswith(f"| `{name}` |") and str(field.description) in line
                for line in text.splitlines()
            ), f"{section.__name__}.{name}"
    assert all(f"`{row.name}`" in text and row.base_url in text for row in ROWS)


def test_every_row_has_the_columns_of_its_table() -> None:
    columns = 0
    for line in page().splitlines():
        if line.startswith("|---"):
            columns = line.count("|")
        elif line.startswith("|") and columns:
            assert line.count("|") == columns, line
        elif not line:
            columns = 0


def test_every_section_stands_in_the_schema() -> None:
    assert schema()["$defs"].keys() == {section.__name__ for section in SECTIONS} - {"Settings"}


def test_the_example_is_good() -> None:
    names = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "HEADGATE_API_KEY", "INTERN_KEY")
    settings = load(ROOT / "examples" / "headgate.yaml", {name: f"test-{name}" for name in names})
    assert settings.routes["auto"].use == ("sonnet", "gpt", "llama")
    assert settings.server.admin_key is None
    assert settings.keys[1].models == ("private",)
