"""What the injector is told: where the control plane is, and the bootstrap that follows from it."""

import json
from collections.abc import Mapping
from dataclasses import replace

from crds.mesh_config import MeshConfig
from mesh.own_files import SDS_FOLDER
from mesh.proxy import Mode, Role
from translator.bootstrap import Discovery, Node, bootstrap, root_secret, token_secret
from translator.bootstrap_secrets import files
from webhook.settings import (
    ROOT_FILE,
    ROOT_FOLDER,
    TOKEN_FOLDER,
    BootstrapFor,
    InjectSettings,
    ProxyFacts,
)

SYSTEM_NAMESPACE, DEFAULT_REVISION = "heddle-system", "default"
SERVER_NAME = "heddle.heddle-system.svc"
"""The name on the control plane's certificate: what a proxy checks before it shows its token."""
PORT = 15012
"""Where the control plane listens, as Istio's does."""
AUDIENCE = "heddle"
"""Whom the proxies' tokens are for."""


def server_name(revision: str, namespace: str) -> str:
    """The name of a revision's Service, which is the one on its certificate."""
    service = "heddle" if revision == DEFAULT_REVISION else f"heddle-{revision}"
    return f"{service}.{namespace}.svc"


def node_id(role: Role) -> str:
    """Istio's form of a node's name, for the kubelet to fill in."""
    return f"{role.value}~$(POD_IP)~$(POD_NAME).$(POD_NAMESPACE)~$(POD_NAMESPACE).svc.cluster.local"


def inject_settings(
    *, host: str, port: int, server_name: str = SERVER_NAME, mode: Mode = Mode.REDIRECT
) -> InjectSettings:
    """The settings for a control plane at `host` and `port`."""
    return InjectSettings(
        bootstrap=_bootstrap_for(Discovery(host=host, port=port, server_name=server_name)),
        sds_token=json.dumps(token_secret(f"{TOKEN_FOLDER}/token")),
        sds_ca=json.dumps(root_secret(f"{ROOT_FOLDER}/{ROOT_FILE}", server_name)),
        token_audience=AUDIENCE,
        mode=mode,
    )


def having(settings: InjectSettings, config: MeshConfig) -> InjectSettings:
    """The same settings for a mesh of this configuration."""
    source = config.certificate_source
    own = {name: json.dumps(content) for name, content in files(source).items()}
    return replace(settings, source=source, sds_own=own, dns_capture=config.captures_dns)


def _bootstrap_for(discovery: Discovery) -> BootstrapFor:
    def make(facts: ProxyFacts, /) -> Mapping[str, object]:
        metadata = {
            "NAME": "$(POD_NAME)",
            "NAMESPACE": "$(POD_NAMESPACE)",
            "SERVICE_ACCOUNT": "$(SERVICE_ACCOUNT)",
            "INSTANCE_IPS": "$(POD_IP)",
            "INTERCEPTION_MODE": facts.mode.value,
            **({"CLUSTER_ID": facts.cluster_id} if facts.cluster_id else {}),
            **({"NETWORK": facts.network} if facts.network else {}),
        }
        node = Node(id=node_id(facts.role), cluster=facts.cluster, metadata=metadata)
        return bootstrap(
            node,
            discovery,
            address="$(POD_IP)",
            mode=facts.mode,
            sds_folder=SDS_FOLDER,
            probes=facts.probes,
            source=facts.source,
        )

    return make
