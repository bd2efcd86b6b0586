"""Paths of an AuthorizationPolicy: a plain pattern with `*` at one end, or a template (S-89)."""

import re

ONE, MANY = "{*}", "{**}"
_LITERAL = re.compile(r"[A-Za-z0-9._~!$&'()+,;:@=%-]+")
"""What Envoy's uri_template takes as it stands: pchar of RFC 3986 less `*`."""


def is_template(path: str) -> bool:
    """Whether it has a template's operators, rather than a `*` at an end."""
    return ONE in path or MANY in path


def path_fault(path: str) -> str | None:
    """What is wrong with a path, and the way out."""
    if not path:
        return "must not be empty"
    if is_template(path):
        return _template_fault(path)
    if "{" in path or "}" in path:
        return "has a brace that is no {*} or {**}: write one of those, or %7B and %7D"
    return None


def _template_fault(path: str) -> str | None:
    if not path.startswith("/"):
        return "must start with / when it has {*} or {**}"
    segments = path.split("/")[1:]
    for index, segment in enumerate(segments):
        if segment in (ONE, MANY):
            if segment == MANY and any(each in (ONE, MANY) for each in segments[index + 1 :]):
                return "has an operator after {**}, which must be the last"
        elif segment and not _LITERAL.fullmatch(segment):
            return f"has the segment {segment!r}: {ONE} and {MANY} stand alone, without a `*`"
    return None
