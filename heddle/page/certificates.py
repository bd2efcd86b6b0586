"""The certificates that a proxy shows and trusts, from what its Envoy says at `/certs`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from crds.problem import printable
from heddle.page.ages import age


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One of them. `use` is what it is for, `left` the time that is left of it, `percent` that of
    its whole life.
    """

    use: str
    identity: str
    serial: str
    until: str
    left: str
    percent: int


_USES: Mapping[str, str] = {"cert_chain": "shows", "ca_cert": "trusts"}


def certificates(said: object, now: float) -> Sequence[Certificate]:
    """Each once, first those that the proxy shows; `now` is in unix seconds."""
    entries = list(_listed(said, "certificates"))
    found = (
        made
        for field in _USES
        for entry in entries
        for each in _listed(entry, field)
        if (made := _certificate(_USES[field], each, now))
    )
    return tuple(dict.fromkeys(found))


def _certificate(use: str, said: Mapping[str, object], now: float) -> Certificate | None:
    try:
        begins = datetime.fromisoformat(str(said.get("valid_from"))).timestamp()
        ends = datetime.fromisoformat(str(said.get("expiration_time"))).timestamp()
    except ValueError:
        return None
    names = _listed(said, "subject_alt_names")
    named = (str(value) for name in names for value in name.values())
    left = max(0.0, ends - now)
    return Certificate(
        use=use,
        identity=printable(next(named, "")),
        serial=printable(str(said.get("serial_number", ""))),
        until=printable(str(said.get("expiration_time"))),
        left=age(left),
        percent=min(100, round(100 * left / max(1.0, ends - begins))),
    )


def _listed(said: object, field: str) -> Iterator[Mapping[str, object]]:
    found = said.get(field) if isinstance(said, Mapping) else None
    if isinstance(found, list):
        yield from (each for each in found if isinstance(each, Mapping))
