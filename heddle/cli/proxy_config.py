"""`heddle proxy-config`: the configuration that a proxy holds, kind by kind, in istioctl's columns.

It is read from the proxy that runs, or from a dump that was saved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from heddle.cli.output import Form, OutputOption, document, table
from heddle.cli.proxies import (
    NamespaceOption,
    admin,
    complete,
    dump,
    from_file,
    picked,
)
from heddle.cli.proxy_log import log
from heddle.cli.reach import Where, ask
from heddle.cli.reached import Reached
from heddle.cli.where import reaching
from heddle.exits import fail
from heddle.proxies.dump import Json, bootstrap, read, socket_address
from heddle.proxies.secret_table import secret_listing
from heddle.proxies.tables import (
    NO_FILTERS,
    Filters,
    Listing,
    cluster_listing,
    endpoint_listing,
    listener_listing,
    route_listing,
)
from webhook import raw

app = typer.Typer(help="Print the configuration that a proxy holds.", no_args_is_help=True)
app.command()(log)

ENDPOINT: Final = "endpoint"
_KINDS: Final = ("cluster", "listener", "route", ENDPOINT, "secret")

ProxyArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[KIND/]NAME[.NAMESPACE]",
        help="A pod, or for example deployment/NAME: one of its pods.",
        autocompletion=complete,
    ),
]
FileOption = Annotated[
    Path | None, typer.Option("-f", "--file", help="Read a saved dump instead; - is stdin.")
]
FqdnOption = Annotated[str, typer.Option(help="Part of the name of the service.")]
PortOption = Annotated[int | None, typer.Option(help="The port.")]
SubsetOption = Annotated[str, typer.Option(help="The subset.")]
DirectionOption = Annotated[str, typer.Option(help="inbound or outbound.")]
NameOption = Annotated[str, typer.Option(help="The name.")]
AddressOption = Annotated[str, typer.Option(help="Part of the address.")]
ClusterOption = Annotated[str, typer.Option(help="Part of the name of the cluster.")]
StatusOption = Annotated[str, typer.Option(help="HEALTHY, UNHEALTHY, DRAINING...")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose configuration is shown: a proxy of a mesh, or a file."""

    proxy: str | None
    namespace: str
    file: Path | None
    where: Where

    def read(self, kinds: Sequence[str]) -> Mapping[str, Json]:
        """What each of these kinds is read from."""
        if self.file is not None:
            return dict.fromkeys(kinds, from_file(self.file))
        if self.proxy is None:
            raise fail("say which proxy, or give a dump with --file")
        proxy = self.proxy
        return ask(self.where, lambda plane: _read(plane, proxy, self.namespace, kinds))


async def _read(
    plane: Reached, proxy: str, namespace: str, kinds: Sequence[str]
) -> Mapping[str, Json]:
    meant = await picked(plane, proxy, namespace)
    found: dict[str, Json] = {}
    if set(kinds) - {ENDPOINT}:
        found = dict.fromkeys(kinds, await dump(plane, meant, "live"))
    if ENDPOINT in kinds:
        found[ENDPOINT] = read(await admin(plane, meant, "clusters", format="json"))
    return found


def listing(kind: str, source: Json, wanted: Filters) -> Listing:
    """What is shown of a kind."""
    match kind:
        case "cluster":
            return cluster_listing(source, wanted)
        case "listener":
            return listener_listing(source, wanted)
        case "route":
            return route_listing(source, wanted)
        case "endpoint":
            return endpoint_listing(source, wanted)
        case _:
            now = datetime.now(UTC)  # noqa: TID251 - the edge: certificates are valid now
            return secret_listing(source, now, wanted)


def show(subject: Subject, kinds: Sequence[str], wanted: Filters, output: Form) -> None:
    """Prints what there is of these kinds."""
    sources = subject.read(kinds)
    found = {kind: listing(kind, sources[kind], wanted) for kind in kinds}
    if output is Form.TABLE:
        tables = (table(each.headings, each.rows) for each in found.values())
        typer.echo("\n".join(tables), nl=False)
        return
    shown = {kind: list(each.messages) for kind, each in found.items()}
    typer.echo(document(output, shown if len(kinds) > 1 else shown[kinds[0]]), nl=False)


@app.command()
@reaching
def cluster(
    proxy: ProxyArgument = None,
    fqdn: FqdnOption = "",
    port: PortOption = None,
    subset: SubsetOption = "",
    direction: DirectionOption = "",
    file: FileOption = None,
    output: OutputOption = Form.TABLE,
    namespace: NamespaceOption = "",
    *,
    where: Where,
) -> None:
    """Where the proxy can send to."""
    subject = Subject(proxy=proxy, namespace=namespace, file=file, where=where)
    wanted = Filters(fqdn=fqdn, port=port, subset=subset, direction=direction)
    show(subject, ["cluster"], wanted, output)


@app.command()
@reaching
def listener(
    proxy: ProxyArgument = None,
    address: AddressOption = "",
    port: PortOption = None,
    name: NameOption = "",
    file: FileOption = None,
    output: OutputOption = Form.TABLE,
    namespace: NamespaceOption = "",
    *,
    where: Where,
) -> None:
    """Where the proxy listens, and where its connections lead."""
    subject = Subject(proxy=proxy, namespace=namespace, file=file, where=where)
    show(subject, ["listener"], Filters(address=address, port=port, name=name), output)


@app.command()
@reaching
def route(
    proxy: ProxyArgument = None,
    name: NameOption = "",
    file: FileOption = None,
    output: OutputOption = Form.TABLE,
    namespace: NamespaceOption = "",
    *,
    where: Where,
) -> None:
    """Which hosts and paths the proxy knows, and the VirtualService that each is from."""
    subject = Subject(proxy=proxy, namespace=namespace, file=file, where=where)
    show(subject, ["route"], Filters(name=name), output)


@app.command()
@reaching
def endpoint(
    proxy: ProxyArgument = None,
    address: AddressOption = "",
    port: PortOption = None,
    cluster: ClusterOption = "",
    status: StatusOption = "",
    file: FileOption = None,
    output: OutputOption = Form.TABLE,
    namespace: NamespaceOption = "",
    *,
    where: Where,
) -> None:
    """The addresses behind each cluster, and how Envoy finds them. A file may be a saved
    /clusters?format=json, or a dump that was made with include_eds.
    """
    subject = Subject(proxy=proxy, namespace=namespace, file=file, where=where)
    wanted = Filters(address=address, port=port, cluster=cluster, status=status)
    show(subject, [ENDPOINT], wanted, output)


@app.command()
@reaching
def secret(
    proxy: ProxyArgument = None,
    name: NameOption = "",
    file: FileOption = None,
    output: OutputOption = Form.TABLE,
    namespace: NamespaceOption = "",
    *,
    where: Where,
) -> None:
    """The certificates of the proxy; keys are never shown."""
    subject = Subject(proxy=proxy, namespace=namespace, file=file, where=where)
    show(subject, ["secret"], Filters(name=name), output)


@app.command("bootstrap")
@reaching
def bootstrap_of(
    proxy: ProxyArgument = None,
    file: FileOption = None,
    output: OutputOption = Form.TABLE,
    namespace: NamespaceOption = "",
    *,
    where: Where,
) -> None:
    """What the proxy was started with; whole with -o json or yaml."""
    subject = Subject(proxy=proxy, namespace=namespace, file=file, where=where)
    found = bootstrap(subject.read(["bootstrap"])["bootstrap"])
    if output is Form.TABLE:
        typer.echo(table(("FIELD", "VALUE"), _summary(found)), nl=False)
    else:
        typer.echo(document(output, found), nl=False)


def _summary(found: Json) -> Sequence[Sequence[str]]:
    node = raw.mapping(found.get("node"))
    version = raw.mapping(raw.mapping(node.get("user_agent_build_version")).get("version"))
    numbers = (str(version.get(part, 0)) for part in ("major_number", "minor_number", "patch"))
    address, port = socket_address(raw.mapping(raw.mapping(found.get("admin")).get("address")))
    clusters = raw.objects(raw.mapping(found.get("static_resources")).get("clusters"))
    return [
        ("node", raw.text(node.get("id"))),
        ("cluster", raw.text(node.get("cluster"))),
        ("envoy", ".".join(numbers)),
        ("admin", f"{address}:{port}"),
        *(
            (f"metadata {name}", str(value))
            for name, value in sorted(raw.mapping(node.get("metadata")).items())
        ),
        ("static clusters", ", ".join(raw.text(each.get("name")) for each in clusters)),
    ]


@app.command("all")
@reaching
def every(
    proxy: ProxyArgument = None,
    file: FileOption = None,
    output: OutputOption = Form.TABLE,
    namespace: NamespaceOption = "",
    *,
    where: Where,
) -> None:
    """All of it."""
    subject = Subject(proxy=proxy, namespace=namespace, file=file, where=where)
    show(subject, _KINDS, NO_FILTERS, output)
