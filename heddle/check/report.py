"""What is printed of the checks: for people in categories, for programs as plain values."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from crds.problem import printable
from heddle.check.run import CATEGORIES, worst
from heddle.check.verdict import Grade, Result

_SIGNS = {Grade.OK: "√", Grade.SKIPPED: "-", Grade.WARNING: "‼", Grade.FAILED: "×"}
PAGE = "docs/checks.md"
_HEAD = "\n\n".join(
    (
        "# What `heddle check` looks at",
        "Made with `heddle check --list`; do not edit it by hand.",
        "`heddle check --pre` is for before an installation, `heddle check` for after one; `--wait "
        "SECONDS` tries again until nothing fails. It ends with 0 if all is well, 1 if something "
        "failed, and 2 if there are warnings and nothing failed. What cannot be looked at, mostly "
        "because you may not read it, is skipped and counts for nothing. `-o json` and `-o yaml` "
        "are for programs: the names of the checks below do not change.",
        "Nothing is changed: where a webhook is asked, it is with an object that the API server "
        "throws away (`dryRun=All`).",
        "`heddle check -f FOLDER` makes those checks that files allow, before they are applied; "
        "`heddle check --mesh FOLDER` those that make sense of a mesh that runs on this machine, "
        "as that of `heddle demo`: proxies, Envoys, certificates. It has no cluster, and one "
        "clock.\n",
    )
)


def as_text(results: Sequence[Result]) -> str:
    """For people."""
    return "".join(f"{line}\n" for line in _lines(results))


def _lines(results: Sequence[Result]) -> Iterator[str]:
    for _, group in groupby(results, key=lambda each: each.category.name):
        made = list(group)
        yield made[0].category.title
        for each in made:
            yield from _of(each)
        yield ""
    counts = count(results)
    told = [f"{counts[grade]} {word}" for grade, word in _WORDS.items() if counts[grade]]
    yield f"{', '.join(told) or 'nothing to look at'}"


_WORDS = {
    Grade.FAILED: "failed",
    Grade.WARNING: "with warnings",
    Grade.SKIPPED: "skipped",
    Grade.OK: "well",
}


def _of(result: Result) -> Iterator[str]:
    check, verdict = result.check, result.verdict
    fine = verdict.grade is Grade.OK
    behind = f" ({'; '.join(verdict.findings)})" if fine and verdict.findings else ""
    yield printable(f"  {_SIGNS[verdict.grade]} {check.title}{behind}")
    if fine:
        return
    for finding in verdict.findings:
        yield printable(f"      {finding}")
    if verdict.grade is not Grade.SKIPPED:
        yield printable(f"      What to do: {check.remedy}")
        yield f"      {PAGE}#{check.anchor}"


def count(results: Sequence[Result]) -> Mapping[Grade, int]:
    """How many came out how."""
    grades = [each.verdict.grade for each in results]
    return {grade: grades.count(grade) for grade in Grade}


def as_values(results: Sequence[Result]) -> Mapping[str, object]:
    """For programs."""
    return {
        "result": worst(results).value,
        "counts": {grade.value: number for grade, number in count(results).items()},
        "checks": [
            {
                "category": each.category.name,
                "check": each.check.anchor,
                "title": each.check.title,
                "result": each.verdict.grade.value,
                "findings": list(each.verdict.findings),
                "remedy": each.check.remedy,
                "hint": f"{PAGE}#{each.check.anchor}",
            }
            for each in results
        ],
    }


def page() -> str:
    """docs/checks.md."""
    return _HEAD + "".join(f"{line}\n" for line in _page())


_HERE = ("of a mesh on this machine, too", "of a mesh on this machine")


def _page() -> Iterator[str]:
    for category in CATEGORIES:
        yield f"\n## {category.title}"
        for check in category.checks:
            marks = [
                check.when.value if check.judge else "",
                "of files, too" if check.files else "",
                _HERE[check.judge is None] if check.here else "",
            ]
            yield f"\n### {check.anchor}"
            yield f"\n{check.title[0].upper()}{check.title[1:]} ({', '.join(filter(None, marks))})."
            yield f"\n{check.remedy}"
