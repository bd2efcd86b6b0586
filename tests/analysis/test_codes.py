"""The table of codes."""

import re

from analysis import analyzer_codes, istio_codes, own_codes
from analysis.analyzers import ANALYZERS
from analysis.code import Code
from analysis.codes import CODES
from analysis.severity import Severity


def test_no_id_and_no_name_is_used_twice() -> None:
    constants = [
        value
        for module in (istio_codes, own_codes, analyzer_codes)
        for value in vars(module).values()
        if isinstance(value, Code)
    ]
    assert sorted(code.id for code in constants) == sorted(CODES)
    assert len({code.name for code in constants}) == len(constants)


def test_each_code_is_a_whole() -> None:
    for id_, code in CODES.items():
        assert re.fullmatch(r"(IST|HED)[0-9]{4}", id_)
        assert code.is_istio == id_.startswith("IST")
        assert code.page == f"docs/analysis/{id_}.md"
        assert re.fullmatch(r"([A-Z][A-Za-z]*)+", code.name)
        for sentence in (code.summary, code.remedy):
            assert re.fullmatch(r"[A-Z].*\.", sentence), sentence


def test_findings_of_istios_lead_to_its_pages() -> None:
    assert CODES["IST0101"].url == "https://istio.io/latest/docs/reference/config/analysis/ist0101/"
    assert CODES["HED0001"].url == "docs/analysis/HED0001.md"


def test_the_worst_comes_first() -> None:
    ranks = [severity.rank for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO)]
    assert ranks == [0, 1, 2]


def test_analyzers_have_names_of_their_own_and_codes_of_the_table() -> None:
    names = [each.name for each in ANALYZERS]
    assert len(set(names)) == len(names)
    for each in ANALYZERS:
        assert each.codes
        assert re.fullmatch(r"[A-Z].*\.", each.summary)
        assert all(CODES[code.id] is code for code in each.codes)
