"""Prints docs/conformance.md: `python -m tests.conformance.report VERSION=JUNIT_FILE...`.

A test belongs to the rules in its id. Those of this folder and of modules `..._envoy` use an
Envoy; the others are scripted, and the same for all versions.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.conformance.statements import STATEMENTS, UNTESTED

_REAL = "tests.conformance."
_FOLDER = "tests."

_INTRODUCTION = """# Conformance

The rules of the xDS protocol that Heddle depends on, the tests that guard them, and what they found
on each supported Envoy. `make conformance` runs them all and writes this page.

A test of `conformance` drives a real Envoy with the real server; between the two, a tap hears
everything, holds responses back, and injects those that a correct server never sends. A test of
`xds` (save those of modules `..._envoy`) is a scripted client against the server or its parts,
without Envoy; it is here where the rule is the server's to keep. `make test` runs the same tests on
the newest Envoy only.
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One test's result."""

    module: str
    test: str
    rules: tuple[str, ...]
    result: str

    @property
    def place(self) -> str:
        """Its module, without the common beginning."""
        return self.module.removeprefix(_FOLDER)

    @property
    def real(self) -> bool:
        """Whether an Envoy took part."""
        return self.module.startswith(_REAL) or self.module.endswith("_envoy")


def cases(junit: str) -> list[Case]:
    """The tests in a JUnit report that belong to rules."""
    found = []
    for each in ElementTree.fromstring(junit).iter("testcase"):
        name = each.get("name", "")
        if rules := rules_of(name):
            test = name.partition("[")[0]
            found.append(Case(each.get("classname", ""), test, rules, _result(each)))
    return found


def rules_of(name: str) -> tuple[str, ...]:
    """`test_x[X-01+X-02]` guards two rules; other parameters beside them do not matter."""
    _, _, parameters = name.partition("[")
    said = set(re.findall(r"[A-Za-z]+-[a-z0-9]+", parameters))
    return tuple(rule for rule in STATEMENTS if rule in said)


def _result(case: ElementTree.Element) -> str:
    kinds = {child.tag for child in case}
    if kinds & {"failure", "error"}:
        return "FAILED"
    return "skipped" if "skipped" in kinds else "passed"


def page(reports: Mapping[str, Iterable[Case]]) -> str:
    """The whole document. Versions are in the order that they are given in."""
    found = {version: list(listed) for version, listed in reports.items()}
    lines = [_INTRODUCTION, "## Results", ""]
    lines += [
        f"| rule | what | tests | {' | '.join(found)} |",
        "|---|---|---|" + "---|" * len(found),
    ]
    for rule, statement in STATEMENTS.items():
        tests = {c.place: c for listed in found.values() for c in listed if rule in c.rules}
        if tests:
            verdicts = [
                verdict([c for c in listed if rule in c.rules]) for listed in found.values()
            ]
            places = ", ".join(f"`{place}`" for place in sorted(tests))
            lines.append(f"| {rule} | {statement} | {places} | {' | '.join(verdicts)} |")
    lines += ["", "`n + m`: n tests with that Envoy and m scripted ones, all passed.", ""]
    return "\n".join(lines + _rest(found))


def verdict(listed: list[Case]) -> str:
    """How the tests of one rule went."""
    bad = [f"{c.result}: {c.test}" for c in listed if c.result != "passed"]
    if bad:
        return "; ".join(bad)
    real = sum(c.real for c in listed)
    return f"{real} + {len(listed) - real}"


def _rest(found: Mapping[str, list[Case]]) -> list[str]:
    covered = {rule for listed in found.values() for case in listed for rule in case.rules}
    lines = ["## Rules without a test", "", "| rule | what | why |", "|---|---|---|"]
    for rule, statement in STATEMENTS.items():
        if rule not in covered:
            lines.append(f"| {rule} | {statement} | {UNTESTED.get(rule, 'not written yet')} |")
    real = {
        rule for listed in found.values() for case in listed if case.real for rule in case.rules
    }
    only = [rule for rule in STATEMENTS if rule in covered - real]
    lines += ["", "## Rules that only scripted clients test", ""]
    lines += [
        "They are the server's to keep; no Envoy shows whether it does: " + ", ".join(only) + ".",
        "",
    ]
    return lines


def failures(reports: Mapping[str, Iterable[Case]]) -> list[str]:
    """What did not pass. A test that was skipped proves nothing of its Envoy."""
    return [
        f"Envoy {version}: {case.module}.{case.test}: {case.result}"
        for version, listed in reports.items()
        for case in listed
        if case.result != "passed"
    ]


def main(arguments: list[str]) -> int:
    """Prints the page; 1 if a test did not pass."""
    files = dict(argument.split("=", 1) for argument in arguments)
    reports = {version: cases(Path(path).read_text()) for version, path in files.items()}
    print(page(reports), end="")
    bad = failures(reports)
    print("\n".join(bad), file=sys.stderr, end="\n" if bad else "")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
