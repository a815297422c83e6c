"""What the README points at is there (its examples run as doctests)."""

import re
from pathlib import Path

import pytest

from optimizers import RULES

ROOT = Path(__file__).parent.parent
LINKS = re.findall(r"\]\(([^)#]+)(?:#L(\d+))?\)", (ROOT / "README.md").read_text("utf8"))


@pytest.mark.parametrize(("target", "line"), [link for link in LINKS if "://" not in link[0]])
def test_a_link_leads_to_a_file_and_to_the_formula_s_line(target, line):
    text = (ROOT / target).read_bytes()
    if line:
        assert re.match(rb"    def (direction|update)\(self", text.splitlines()[int(line) - 1])


def test_every_rule_stands_in_the_table():
    table = (ROOT / "README.md").read_text("utf8")
    for name in RULES:
        assert f"| [{name}](optimizers/rules/" in table


def test_the_numbers_in_the_table_of_claims_are_those_that_were_measured():
    page = (ROOT / "figures/claims/README.md").read_text("utf8")
    table = (ROOT / "README.md").read_text("utf8").split("## Is it so?")[1].split("![")[0]
    numbers = re.findall(r"\d+\.\d+", table)
    assert len(numbers) > 20
    assert [number for number in numbers if number not in page] == []
