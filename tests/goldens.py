"""Golden files: `<case>.in.yaml` goes in, `<case>.out.yaml` must come out.

Adding a test is adding a file. `pytest --golden=write` rewrites what differs and deletes what is
stale; read the resulting diff as you would read code, for it is what Envoy will run.
"""

import difflib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent / "golden"
IN, OUT = ".in.yaml", ".out.yaml"


def cases(area: str) -> list[Path]:
    """The inputs below `tests/golden/<area>/`, sorted; use `ids=case_id` when parametrizing."""
    return sorted((ROOT / area).rglob(f"*{IN}"))


def case_id(path: Path) -> str:
    """`routes/canary` for `tests/golden/routes/canary.in.yaml`."""
    return str(path.relative_to(ROOT)).removesuffix(IN)


def out_path(case: Path) -> Path:
    """Where the expected output of an input lies."""
    return case.with_name(case.name.removesuffix(IN) + OUT)


def stale_outs(root: Path = ROOT) -> list[Path]:
    """Outputs whose input is gone."""
    outs = sorted(root.rglob(f"*{OUT}"))
    return [out for out in outs if not out.with_name(out.name.removesuffix(OUT) + IN).exists()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """Compares text with a golden file, or writes it there; `golden(case, text)` in a test."""

    write: bool

    def __call__(self, case: Path, text: str) -> None:
        """`case` is the `.in.yaml`; a missing or different `.out.yaml` fails with a diff."""
        out = out_path(case)
        if self.write:
            if not out.exists() or out.read_text() != text:
                out.write_text(text)
            return
        if not out.exists():
            pytest.fail(f"{out.name} is missing: run pytest with --golden=write and read it")
        expected = out.read_text()
        if text != expected:
            diff = difflib.unified_diff(
                expected.splitlines(), text.splitlines(), str(out.name), "got", lineterm=""
            )
            pytest.fail("\n".join(diff), pytrace=False)
