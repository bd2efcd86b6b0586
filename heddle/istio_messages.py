"""Findings in the form of `status.validationMessages`, which Kiali shows
(istio.io/api, analysis/v1alpha1/message.proto).
"""

from collections.abc import Iterable, Mapping, Sequence

from analysis.message import Message

MOST = 16
"""So many different messages are told."""


def validation_messages(messages: Iterable[Message]) -> Sequence[Mapping[str, object]]:
    """One message for each kind of finding, the worst first: the form has no room for fields."""
    ranked = sorted(messages, key=lambda each: (each.severity.rank, each.code.id))
    found: dict[tuple[str, str], Mapping[str, object]] = {}
    for message in ranked:
        code = message.code
        found.setdefault(
            (code.id, message.severity),
            {
                "type": {"code": code.id, "name": code.name},
                "level": message.severity.value.upper(),
                "documentationUrl": code.url,
            },
        )
    return list(found.values())[:MOST]
