"""Addresses as the command line takes them."""


def host_and_port(address: str) -> tuple[str, int]:
    """The two parts of `host:port`; no host means all addresses. Raises `ValueError`."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{address!r} is not host:port")
    return host.strip("[]") or "0.0.0.0", int(port)
