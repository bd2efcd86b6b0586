"""How commands find the proxy that a user means, and read what it holds."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from heddle.cli.reach import Where, ask
from heddle.cli.reached import Reached, Unreached
from heddle.debug.addresses import ADMIN, CONFIG_DUMP, PROXIES
from heddle.exits import fail
from heddle.proxies.dump import Json, read
from heddle.proxies.targets import Candidate, completions, pick, target
from webhook import raw

NamespaceOption = Annotated[
    str, typer.Option("-n", "--namespace", help="Of targets that name none.")
]


def complete(incomplete: str) -> list[str]:
    """What a target may become: for the shell, which must not see an error."""
    try:
        return completions(incomplete, ask(Where(), candidates))
    except typer.Exit:
        return []


TargetArgument = Annotated[
    str,
    typer.Argument(
        metavar="[KIND/]NAME[.NAMESPACE]",
        help="A pod, or for example deployment/NAME: one of its pods.",
        autocompletion=complete,
    ),
]


async def candidates(plane: Reached, namespace: str = "") -> Sequence[Candidate]:
    """The pods with proxies: of one namespace, or of all."""
    query = {"namespace": namespace} if namespace else None
    listed = raw.objects(await plane.json(PROXIES, query))
    return [
        Candidate(
            name=raw.text(each.get("pod")),
            namespace=raw.text(each.get("namespace")),
            owners=[str(owner) for owner in _list(each.get("owners"))],
        )
        for each in listed
    ]


async def picked(plane: Reached, text: str, namespace: str) -> Candidate:
    """The pod that a user means. Raises `Unreached` if there is none."""
    try:
        wanted = target(text, namespace)
        # Of its own namespace alone: who asks may not be allowed to see others.
        return pick(wanted, await candidates(plane, wanted.namespace))
    except (ValueError, LookupError) as error:
        raise Unreached(str(error)) from None


async def dump(plane: Reached, proxy: Candidate, source: str, **more: str) -> Json:
    """A dump of the configuration of a proxy."""
    query = {"proxyID": proxy.proxy_id, "source": source, **more}
    answer = await plane.get(CONFIG_DUMP, query)
    try:
        return read(answer.body)
    except ValueError as error:
        raise Unreached(f"{proxy.proxy_id}: {error}") from error


async def admin(plane: Reached, proxy: Candidate, page: str, **query: str) -> str:
    """A page of a proxy's admin port."""
    asked: Mapping[str, str] = {"proxyID": proxy.proxy_id, **query}
    return (await plane.get(f"{ADMIN}/{page}", asked)).text


def from_file(file: Path) -> Json:
    """A dump that was saved; `-` is standard input. Ends the command if it is none."""
    try:
        return read(sys.stdin.read() if str(file) == "-" else file.read_bytes())
    except (OSError, ValueError) as error:
        raise fail(f"{file}: {error}") from error


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()
