"""The template `gateway`: a pod that is nothing but a proxy (istio-api.md I-5).

Its author writes the container `istio-proxy` with image `auto`, and whatever else of it they care
about; the injector fills in the rest. Nobody's traffic is intercepted, so nothing needs a
privilege. Ports below 1024 may be listened on, because that is what gateways are for.
"""

from collections.abc import Iterator, Mapping

from crds.meta import Key
from crds.problem import Problem
from webhook import raw, sidecar
from webhook.annotations import Options
from webhook.problems import error
from webhook.settings import InjectSettings

AUTO = "auto"
"""The image that stands for whichever the injector is set to use."""
_OURS = ("command", "args")
_LISTS = ("env", "ports", "volumeMounts")
_LOW_PORTS = {"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}


def gateway_conflicts(pod: Mapping[str, object], key: Key) -> Iterator[Problem]:
    """What a gateway's author may not decide."""
    for index, container in enumerate(raw.objects(raw.spec(pod).get("containers"))):
        if raw.text(container.get("name")) == sidecar.PROXY:
            for field in _OURS:
                if field in container:
                    message = "The injector decides how the gateway's Envoy is started: remove it."
                    yield error(key, "not-yours", f"spec.containers[{index}].{field}", message)


def gateway_spec(
    spec: Mapping[str, object],
    options: Options,
    bootstrap: Mapping[str, object],
    settings: InjectSettings,
) -> dict[str, object]:
    """The pod's spec with its proxy, which has what the author wrote of it."""
    made = sidecar.proxy_container(options, bootstrap, settings)
    made.pop("restartPolicy", None)  # of a native sidecar
    users = raw.objects(spec.get("containers"))
    written = next((each for each in users if raw.text(each.get("name")) == sidecar.PROXY), {})
    others = [each for each in users if each is not written]
    security = raw.mapping(spec.get("securityContext"))
    sysctls = raw.objects(security.get("sysctls"))
    if all(each.get("name") != _LOW_PORTS["name"] for each in sysctls):
        sysctls = (*sysctls, _LOW_PORTS)
    return {
        **spec,
        "containers": [_merged(made, written), *others],
        "securityContext": {**security, "sysctls": list(sysctls)},
    }


def _merged(made: Mapping[str, object], written: Mapping[str, object]) -> dict[str, object]:
    """What the author wrote counts; lists are joined, by name."""
    image = raw.text(written.get("image"))
    lists = {
        name: _joined(raw.objects(made.get(name)), raw.objects(written.get(name)))
        for name in _LISTS
    }
    chosen = {"image": image if image not in ("", AUTO) else made["image"]}
    security = {
        **raw.mapping(made.get("securityContext")),
        **raw.mapping(written.get("securityContext")),
    }
    return {**made, **written, **lists, **chosen, "securityContext": security}


def _joined(
    made: tuple[Mapping[str, object], ...], written: tuple[Mapping[str, object], ...]
) -> list[Mapping[str, object]]:
    """The author's have the last word, but for what the proxy cannot do without."""
    names = {raw.text(each.get("name")) for each in made}
    return [*made, *(each for each in written if raw.text(each.get("name")) not in names)]
