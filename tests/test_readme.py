"""What the README points at is there (its examples run as doctests)."""

import re
from pathlib import Path

import pytest

from optimizers import LBFGS, RULES, SAM, NonlinearCG

ROOT = Path(__file__).parent.parent
READMES = {name: (ROOT / name).read_text("utf8") for name in ("README.md", "README.zh-CN.md")}
LINKS = {
    link
    for text in READMES.values()
    for link in re.findall(r"\]\(([^)#]+)(?:#L(\d+))?\)", text)
    if "://" not in link[0]
}


@pytest.mark.parametrize(("target", "line"), sorted(LINKS))
def test_a_link_leads_to_a_file_and_to_the_formula_s_line(target, line):
    assert (ROOT / target).exists()
    if line:
        lines = (ROOT / target).read_text("utf8").splitlines()
        assert re.match(r"    def (direction|update)\(self", lines[int(line) - 1])


def test_every_rule_stands_in_the_table():
    for name in (*RULES, *(rule.__name__ for rule in (LBFGS, NonlinearCG, SAM))):
        assert all(f"| [{name}](optimizers/rules/" in text for text in READMES.values())


def test_both_languages_show_the_same_pictures_code_links_and_numbers():
    for pattern in (
        r"!\[[^]]*\]\(([^)]+)\)",  # pictures
        r"\]\(([^)]+\.(?:ipynb|py|md|cff)[^)]*)\)",  # links
        r"^(?:>>>|\.\.\.) (.*?)(?:  +#.*)?$",  # code, without its comments
        r"^    (\S.*?)(?:  +#.*)?$",  # commands
        r"\d+\.\d+",
    ):
        english, chinese = (re.findall(pattern, text, re.MULTILINE) for text in READMES.values())
        other = {"README.md", "README.zh-CN.md"}
        assert [x for x in english if x not in other] == [x for x in chinese if x not in other]


def test_the_numbers_in_the_table_of_claims_are_those_that_were_measured():
    page = (ROOT / "figures/claims/README.md").read_text("utf8")
    table = READMES["README.md"].split("## Is it so?")[1].split("![")[0]
    numbers = re.findall(r"\d+\.\d+", table)
    assert len(numbers) > 20
    assert [number for number in numbers if number not in page] == []
