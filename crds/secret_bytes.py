"""Bytes that must not be shown: private keys, and whatever else a Secret holds.

A value of these types can be passed around, compared and kept in a dataclass; printing, logging or
formatting it shows nothing. The bytes are had by `reveal()` only, which is easy to search for.
Python cannot erase memory: they stay until freed.
"""

from hmac import compare_digest
from typing import NoReturn


class SecretBytes:
    """Bytes whose `repr`, `str` and `format` show nothing, and which refuse to be pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """The bytes themselves: for the one place that writes or sends them."""
        return self._value

    def __repr__(self) -> str:
        return f"{type(self).__name__}(redacted)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretBytes) and compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is not to be pickled or copied")


class SecretText(SecretBytes):
    """The same, where it is written as plain text: `stringData`."""

    __slots__ = ()
