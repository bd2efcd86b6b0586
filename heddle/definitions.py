"""The CustomResourceDefinitions as YAML: what `heddle crds` prints, and what the chart has."""

from collections.abc import Iterator

import yaml

from crds.definitions.definition import definitions

_FIRST = """# Made with `heddle crds`; do not edit it by hand.
"""


def documents() -> Iterator[tuple[str, str]]:
    """Each with its name, such as `gateways.networking.istio.io`."""
    for name, definition in definitions():
        yield (
            name,
            yaml.dump(definition, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True),
        )


def stream() -> str:
    """All of them, for `kubectl apply -f -`."""
    return _FIRST + "---\n".join(text for _, text in documents())


def templates() -> Iterator[tuple[str, str]]:
    """The files of the chart, each with its name. A cluster that has Istio's definitions can keep
    them: `excludedCRDs` names those that are left out, as in Istio's chart.
    """
    for name, text in documents():
        condition = f'{{{{- if not (has "{name}" .Values.excludedCRDs) }}}}\n'
        yield f"{name}.yaml", f"{_FIRST}{condition}{text}{{{{- end }}}}\n"


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        """The versions share their schema; each is written out."""
        return True
