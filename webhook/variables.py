"""Kubernetes' own `$(NAME)` syntax, in a container's `command`, `args` and `env[].value`.

The kubelet expands it, the injector only escapes. `expand` is what the kubelet does (its package
third_party/forked/golang/expansion), for the local runner and the tests.
"""

import re
from collections.abc import Collection, Mapping

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")


def expand(text: str, values: Mapping[str, str]) -> str:
    """`$(NAME)` becomes its value, or stays when it has none; `$$` becomes `$`."""

    def replacement(match: re.Match[str]) -> str:
        name = match.group(1)
        return "$" if name is None else values.get(name, match.group(0))

    return _REFERENCE.sub(replacement, text)


def escape(text: str, keep: Collection[str] = ()) -> str:
    """The text that expands to this one, save for references to the names in `keep`."""
    kept = "|".join(re.escape(name) for name in sorted(keep))
    pattern = rf"\$(?!\((?:{kept})\))" if kept else r"\$"
    return re.sub(pattern, "$$", text)
