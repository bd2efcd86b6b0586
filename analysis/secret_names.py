"""What the misspelt name of a Secret was meant to be.

Only names of the namespace of the object that is wrong are told: its author may not know others.
"""

from dataclasses import replace

from analysis import istio_codes, own_codes
from analysis.facts import Facts
from analysis.message import Message
from analysis.spelling import did_you_mean

_ABOUT_SECRETS = frozenset(
    {istio_codes.INVALID_GATEWAY_CREDENTIAL.id, own_codes.UNUSABLE_CREDENTIAL.id}
)


def spelt(message: Message, facts: Facts) -> Message:
    """The message, with the name that was meant if it is about a Secret that is not there."""
    key, name = message.object, message.value
    if message.code.id not in _ABOUT_SECRETS or key is None or name is None:
        return message
    held = facts.mesh.credentials.contents
    known = {each.name for each in held if each.namespace == key.namespace}
    if name in known:
        return message
    return replace(message, remedy=did_you_mean(name, known, otherwise=message.remedy))
