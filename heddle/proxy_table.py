"""What `heddle proxy-status` prints: how far each proxy has come, and what it rejects."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from envoy.service.status.v3 import csds_pb2

from crds.problem import printable
from heddle.columns import aligned
from heddle.identity import claimed_pod
from xds.types import PUSH_ORDER, short_name

_COLUMNS = tuple(short_name(type_url) for type_url in PUSH_ORDER)
_SHOWN = {csds_pb2.SYNCED: "SYNCED", csds_pb2.STALE: "STALE", csds_pb2.ERROR: "ERROR"}
_NOT_SENT = "NOT_SENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyRow:
    """One stream of one proxy. `types` has each type's status, `rejected` for those in `ERROR`
    which resources Envoy does not take, and Envoy's words.
    """

    proxy: str
    types: Mapping[str, str]
    rejected: Mapping[str, str]


def rows(response: csds_pb2.ClientStatusResponse) -> tuple[ProxyRow, ...]:
    """The proxies, by name. One that is no pod's goes by its node id."""
    return tuple(sorted(map(_row, response.config), key=lambda row: row.proxy))


def _row(client: csds_pb2.ClientConfig) -> ProxyRow:
    pod = claimed_pod(client.node.id)
    listed = {short_name(each.type_url): each for each in client.generic_xds_configs}
    return ProxyRow(
        proxy="/".join(pod) if pod else client.node.id,
        types={kind: _SHOWN.get(each.config_status, _NOT_SENT) for kind, each in listed.items()},
        rejected={
            kind: each.error_state.details
            for kind, each in listed.items()
            if each.config_status == csds_pb2.ERROR
        },
    )


def table(found: Sequence[ProxyRow]) -> str:
    """Lines for people. Names and messages are the proxies' own words: nothing in them steers the
    terminal.
    """
    lines = [("PROXY", *(kind.upper() for kind in _COLUMNS))]
    lines += [(row.proxy, *(row.types.get(kind, _NOT_SENT) for kind in _COLUMNS)) for row in found]
    return "".join(f"{line}\n" for line in (*aligned(lines), *_rejections(found)))


def _rejections(found: Iterable[ProxyRow]) -> list[str]:
    lines = [
        f"  {printable(row.proxy)} {kind}: {printable(words)}"
        for row in found
        for kind, words in row.rejected.items()
    ]
    return ["", "Rejected, and kept from the proxy until it changes:", *lines] if lines else []


def as_json(found: Iterable[ProxyRow]) -> str:
    """The same for programs: a list."""
    listed = [
        {"proxy": row.proxy, "types": dict(row.types), "rejected": dict(row.rejected)}
        for row in found
    ]
    return json.dumps(listed, indent=2) + "\n"
