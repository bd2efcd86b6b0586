"""Times as Kubernetes writes them."""

from datetime import UTC, datetime

_SECONDS, _MICROSECONDS = "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"


def time_text(at: datetime) -> str:
    """`Time`: to the second."""
    return at.astimezone(UTC).strftime(_SECONDS)


def micro_time_text(at: datetime) -> str:
    """`MicroTime`."""
    return at.astimezone(UTC).strftime(_MICROSECONDS)


def micro_time(text: object) -> datetime | None:
    """What a `MicroTime` says; nothing if it is none."""
    try:
        return datetime.strptime(str(text), _MICROSECONDS).replace(tzinfo=UTC)
    except ValueError:
        return None
