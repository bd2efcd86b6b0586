"""The table of all codes, by id. Analyzers name the constants of `istio_codes`, `own_codes` and
`analyzer_codes`."""

from collections.abc import Iterator, Mapping

from analysis import analyzer_codes, istio_codes, own_codes
from analysis.code import Code


def _constants() -> Iterator[Code]:
    for module in (istio_codes, own_codes, analyzer_codes):
        yield from (value for value in vars(module).values() if isinstance(value, Code))


CODES: Mapping[str, Code] = {code.id: code for code in sorted(_constants(), key=lambda c: c.id)}
"""Ours first, then Istio's."""
