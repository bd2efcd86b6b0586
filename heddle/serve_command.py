"""`heddle serve` on the command line."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from ca.errors import AuthorityError
from crds.scalars import duration
from heddle.authentication import tokens_from
from heddle.cluster_feed import KubernetesSource
from heddle.exits import fail
from heddle.injection import AUDIENCE, DEFAULT_REVISION, SERVER_NAME, SYSTEM_NAMESPACE
from heddle.local.errors import LocalError
from heddle.logs import log_to_stderr
from heddle.serve import ServeSettings
from heddle.serve import serve as serve_until_told
from sources.errors import SourceError

InlineRoutesOption = Annotated[
    bool,
    typer.Option(
        "--inline-routes",
        help="Send virtual hosts within their route configurations to every proxy. By default "
        "only proxies that cannot take them one by one get that.",
    ),
]


def serve(
    folder: Annotated[
        Path | None,
        typer.Option("-f", "--folder", help="Serve this folder of Kubernetes and Istio YAML."),
    ] = None,
    kubernetes: Annotated[
        bool,
        typer.Option(
            "--kubernetes", help="Serve what the API server holds, and have it review tokens."
        ),
    ] = False,
    namespace: Annotated[
        str,
        typer.Option(
            envvar="POD_NAMESPACE",
            help="With --kubernetes: our own namespace; MeshConfig is in its ConfigMap `heddle`.",
        ),
    ] = SYSTEM_NAMESPACE,
    pod: Annotated[
        str,
        typer.Option(
            envvar="POD_NAME",
            help="With --kubernetes: our own pod. While it is there, other replicas take it that "
            "we live.",
        ),
    ] = "",
    revision: Annotated[
        str,
        typer.Option(
            help="Which control plane this is: pods name it with istio.io/rev, and objects that "
            "name another one are not read."
        ),
    ] = DEFAULT_REVISION,
    token_jwks: Annotated[
        Path | None,
        typer.Option(
            help="Public keys of the tokens' issuer, to verify them offline: the API server's "
            "/openid/v1/jwks. Takes --token-issuer."
        ),
    ] = None,
    token_issuer: Annotated[
        str | None, typer.Option(help="`iss` of the tokens, with --token-jwks.")
    ] = None,
    token_review: Annotated[
        bool,
        typer.Option(
            "--token-review",
            help="Have the API server review each token instead: it knows its own keys, and which "
            "tokens it took back. The control plane's account needs `create` on `tokenreviews`.",
        ),
    ] = False,
    kubeconfig: Annotated[
        Path | None,
        typer.Option(
            help="Where the API server is. By default what KUBECONFIG names, or the cluster that "
            "this runs in."
        ),
    ] = None,
    token_audience: Annotated[str, typer.Option(help="`aud` of the tokens.")] = AUDIENCE,
    listen: Annotated[
        str, typer.Option(help="Address and port for the proxies.")
    ] = "127.0.0.1:15012",
    server_name: Annotated[
        str, typer.Option(help="The DNS name on the serving certificate.")
    ] = SERVER_NAME,
    root_out: Annotated[
        Path | None,
        typer.Option(help="Where to write the root certificate that the proxies must trust."),
    ] = None,
    ca_folder: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the certificate authority, by Istio's file names; one is made there "
            "if there is none. Without it, it is in a cluster's Secret heddle-ca, or ends with us."
        ),
    ] = None,
    certificate_ttl: Annotated[
        str, typer.Option(help="How long workloads' certificates live, for example 24h or 90m.")
    ] = "24h",
    metrics: Annotated[
        str | None, typer.Option(help="Address and port for Prometheus, for example :15014.")
    ] = None,
    debug: Annotated[
        str,
        typer.Option(
            help="Address and port where `heddle proxy-status`, `heddle proxy-config` and others "
            "ask; it may be that of --metrics. By default a port of this machine's loopback that "
            "is free. `off`: nowhere."
        ),
    ] = "127.0.0.1:0",
    debug_neighbours: Annotated[
        bool,
        typer.Option(
            "--debug-neighbours",
            help="With --debug: who connects from this very machine, as whoever may port-forward "
            "to a pod does, needs no token for /debug/syncz and /debug/registryz. Kiali asks so.",
        ),
    ] = False,
    debug_remote: Annotated[
        bool,
        typer.Option(
            "--debug-remote",
            help="With --debug at an address that others reach: let them in, too, with a token. "
            "It is no TLS: a token is then seen on the network. Without this they get our version "
            "and whether we are ready, and the rest goes through a port-forward.",
        ),
    ] = False,
    probes: Annotated[
        str | None,
        typer.Option(help="Address and port for /ready and /healthz, for example :8080."),
    ] = None,
    inline_routes: InlineRoutesOption = False,
    webhook: Annotated[
        str | None,
        typer.Option(
            help="Address and port where the API server asks about pods (/inject) and mesh objects "
            "(/validate), for example :15017."
        ),
    ] = None,
    webhook_certificate: Annotated[
        Path | None,
        typer.Option(
            help="With --webhook: a folder with tls.crt and tls.key, read anew when they change. "
            "By default the mesh's authority signs a certificate."
        ),
    ] = None,
    inspector: Annotated[
        list[str] | None,
        typer.Option(
            help="NAMESPACE/SERVICE_ACCOUNT whose pods may ask over CSDS how far every proxy has "
            "come. May be given several times; by default nobody may."
        ),
    ] = None,
) -> None:
    """Serve the configuration of a folder or a cluster to Envoys that show a pod's token."""
    lifetime = duration(certificate_ttl)
    if lifetime is None or lifetime.seconds < 1:
        raise fail(f"--certificate-ttl is a duration such as 24h or 90m, not {certificate_ttl!r}")
    log_to_stderr(quiet=False)
    try:
        source = _source(folder, kubernetes, kubeconfig, namespace, revision)
        tokens = tokens_from(
            jwks=token_jwks,
            issuer=token_issuer,
            review=token_review,
            kubeconfig=kubeconfig,
            cluster=kubernetes,
        )
    except ValueError as error:
        raise fail(str(error)) from error
    settings = ServeSettings(
        source=source,
        tokens=tokens,
        token_audience=token_audience,
        listen=listen,
        server_name=server_name,
        root_out=root_out,
        ca_folder=ca_folder,
        pod=pod,
        certificate_ttl=timedelta(seconds=lifetime.seconds),
        metrics=metrics,
        debug=None if debug == "off" else debug,
        debug_neighbours=debug_neighbours,
        debug_remote=debug_remote,
        probes=probes,
        inline_routes=inline_routes,
        inspectors=inspector or (),
        revision=revision,
        webhook=webhook,
        webhook_certificate=webhook_certificate,
    )
    try:
        serve_until_told(settings)
    except (SourceError, AuthorityError, LocalError, ValueError, OSError) as error:
        raise fail(str(error)) from error


def _source(
    folder: Path | None, kubernetes: bool, kubeconfig: Path | None, namespace: str, revision: str
) -> Path | KubernetesSource:
    if folder is not None and not kubernetes:
        return folder
    if folder is None and kubernetes:
        return KubernetesSource(kubeconfig=kubeconfig, namespace=namespace, revision=revision)
    raise ValueError("give --folder or --kubernetes: one of them")
