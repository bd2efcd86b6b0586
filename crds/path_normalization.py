"""How far a request's path is brought into one form before anything looks at it (istio-api.md
S-90).
"""

from dataclasses import dataclass
from enum import StrEnum


class NormalizationType(StrEnum):
    """`BASE`: `/a/../b` is `/b`, `\\` is `/`, and `%61` is `a`. `MERGE_SLASHES`: `//` is `/`, too.
    `DECODE_AND_MERGE_SLASHES`: and before that `%2F` and `%5C` are `/`. `DEFAULT` is
    `MERGE_SLASHES` here (docs/adr/0009).
    """

    DEFAULT = "DEFAULT"
    NONE = "NONE"
    BASE = "BASE"
    MERGE_SLASHES = "MERGE_SLASHES"
    DECODE_AND_MERGE_SLASHES = "DECODE_AND_MERGE_SLASHES"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyPathNormalization:
    """The same for every proxy: two that disagree could be played off against each other."""

    normalization: NormalizationType = NormalizationType.DEFAULT


DEFAULT_NORMALIZATION = ProxyPathNormalization()
