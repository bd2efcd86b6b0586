"""What an explanation cannot say.

Exception
└── Unexplained
"""


class Unexplained(Exception):
    """A configuration has something that we do not know: better no answer than a wrong one."""


def must(known: bool, what: str) -> None:
    """Raises `Unexplained` of `what` unless it is `known`."""
    if not known:
        raise Unexplained(what)
