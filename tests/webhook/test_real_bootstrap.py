"""The bootstrap that Heddle makes, as it arrives in a pod: stock Envoy must accept it."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from mesh.own_files import SDS_FOLDER
from mesh.proxy import Mode
from tests.webhook.pods import MESH, pod, settings
from translator.bootstrap import Discovery, Node, bootstrap, root_secret, token_secret
from webhook import raw
from webhook.inject import inject
from webhook.settings import ROOT_FOLDER, TOKEN_FOLDER, ProxyFacts
from webhook.sidecar import PROXY, SDS_CA_ANNOTATION, SDS_TOKEN_ANNOTATION
from webhook.variables import expand

DISCOVERY = Discovery(host="10.0.0.1", port=15012, server_name="heddle.heddle-system.svc")
PROBED = [
    {
        "name": "web",
        "startupProbe": {"grpc": {"port": 9001, "service": "web.$(POD_NAME)"}},
        "readinessProbe": {"httpGet": {"port": 443, "path": "/a b?x=$(y)\n#c", "scheme": "HTTPS"}},
        "livenessProbe": {"tcpSocket": {"port": 9000}, "periodSeconds": 10**400},
    }
]
ENVIRONMENT = {
    "POD_NAME": "web-0",
    "POD_NAMESPACE": "shop",
    "POD_IP": "127.64.0.9",
    "SERVICE_ACCOUNT": "default",
    "NODE_NAME": "local",
}


def real_bootstrap(facts: ProxyFacts) -> Mapping[str, object]:
    node = Node(
        id="sidecar~$(POD_IP)~$(POD_NAME).$(POD_NAMESPACE)~$(POD_NAMESPACE).svc.cluster.local",
        cluster=facts.cluster,
        metadata={"NAMESPACE": "$(POD_NAMESPACE)", "SERVICE_ACCOUNT": "$(SERVICE_ACCOUNT)"},
    )
    return bootstrap(
        node,
        DISCOVERY,
        address="$(POD_IP)",
        mode=facts.mode,
        sds_folder=SDS_FOLDER,
        probes=facts.probes,
    )


def injected(mode: Mode) -> dict[str, object]:
    token = token_secret(f"{TOKEN_FOLDER}/token")
    root = root_secret(f"{ROOT_FOLDER}/root.pem", DISCOVERY.server_name)
    real = settings(
        bootstrap=real_bootstrap, sds_token=json.dumps(token), sds_ca=json.dumps(root), mode=mode
    )
    return inject(pod(spec={"containers": PROBED}), MESH, real).pod


def arguments(of: Mapping[str, object]) -> list[str]:
    (proxy,) = [c for c in raw.containers(of) if c.get("name") == PROXY]
    args = proxy["args"]
    assert isinstance(args, list)
    return [expand(argument, ENVIRONMENT) for argument in args]


@pytest.mark.parametrize("mode", list(Mode))
def test_nothing_is_left_to_fill_in(mode: Mode) -> None:
    assert "$(POD" not in "".join(arguments(injected(mode)))


@pytest.mark.envoy
@pytest.mark.parametrize("mode", list(Mode))
def test_envoy_accepts_the_arguments(mode: Mode, envoy_binary: Path, tmp_path: Path) -> None:
    of = injected(mode)
    files = {"token.yaml": SDS_TOKEN_ANNOTATION, "ca.yaml": SDS_CA_ANNOTATION}
    for name, annotation in files.items():
        (tmp_path / name).write_text(raw.annotations(of)[annotation])
    args = [argument.replace(SDS_FOLDER, str(tmp_path)) for argument in arguments(of)]
    done = subprocess.run(
        [envoy_binary, *args, "--mode", "validate"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
