"""The containers of a pod, read from its spec as far as the runner goes by it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from heddle.local.errors import CannotRun
from heddle.local.probes import Probe, probe
from webhook import raw

APP_USER = 65532
"""Who containers run as that do not say it: nobody in particular, and not the sidecar's user."""

_CAPABILITIES: Mapping[str, int] = {
    "CHOWN": 0,
    "DAC_OVERRIDE": 1,
    "FOWNER": 3,
    "FSETID": 4,
    "KILL": 5,
    "SETGID": 6,
    "SETUID": 7,
    "SETPCAP": 8,
    "NET_BIND_SERVICE": 10,
    "NET_ADMIN": 12,
    "NET_RAW": 13,
    "SYS_CHROOT": 18,
    "MKNOD": 27,
    "AUDIT_WRITE": 29,
    "SETFCAP": 31,
}
_DEFAULT = frozenset(_CAPABILITIES) - {"NET_ADMIN"}
"""What container runtimes give to root."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class Role(StrEnum):
    """`INIT` runs to its end, `SIDECAR` starts among the init containers and stays, `APP` is one of
    those that the pod is for."""

    INIT = "init"
    SIDECAR = "sidecar"
    APP = "app"


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeMount:
    """A volume at a path of a container."""

    volume: str
    path: str
    sub_path: str = ""
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """What `preStop` does: run a command, or wait for so many seconds."""

    command: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container. `command`, `arguments` and `variables` are as written, not yet expanded."""

    name: str
    role: Role
    image: str
    command: tuple[str, ...]
    arguments: tuple[str, ...]
    variables: tuple[Mapping[str, object], ...]
    folder: str
    mounts: tuple[VolumeMount, ...]
    uid: int
    gid: int
    groups: tuple[int, ...]
    capabilities: frozenset[int]
    """The only ones that it has, provided that it is root."""
    reads_input: bool
    startup: Probe | None
    readiness: Probe | None
    liveness: Probe | None
    before_stop: Hook | None


def containers(pod: Mapping[str, object]) -> tuple[Container, ...]:
    """All containers in the order in which they start. Raises `CannotRun` for a spec that no API
    server would take."""
    spec = raw.spec(pod)
    found = [
        *(
            _container(item, spec, _init_role(item))
            for item in raw.objects(spec.get("initContainers"))
        ),
        *(_container(item, spec, Role.APP) for item in raw.objects(spec.get("containers"))),
    ]
    names = [container.name for container in found]
    if len(set(names)) != len(names):
        raise CannotRun("bad-pod", "two containers have the same name", path="spec.containers")
    if not any(container.role is Role.APP for container in found):
        raise CannotRun("bad-pod", "a pod needs a container", path="spec.containers")
    return tuple(found)


def _init_role(container: Mapping[str, object]) -> Role:
    return Role.SIDECAR if container.get("restartPolicy") == "Always" else Role.INIT


def _container(
    container: Mapping[str, object], spec: Mapping[str, object], role: Role
) -> Container:
    name = raw.text(container.get("name"))
    if not _NAME.fullmatch(name):
        raise CannotRun("bad-pod", "this is no name for a container", path="name", value=name)
    pod_security = raw.mapping(spec.get("securityContext"))
    security = {**pod_security, **raw.mapping(container.get("securityContext"))}
    uid = _number(security.get("runAsUser"), APP_USER)
    group = _number(pod_security.get("fsGroup"), -1)
    return Container(
        name=name,
        role=role,
        image=raw.text(container.get("image")),
        command=_texts(container.get("command")),
        arguments=_texts(container.get("args")),
        variables=raw.objects(container.get("env")),
        folder=raw.text(container.get("workingDir")) or "/",
        mounts=tuple(map(_mount, raw.objects(container.get("volumeMounts")))),
        uid=uid,
        gid=_number(security.get("runAsGroup"), uid),
        groups=(group,) if group >= 0 else (),
        capabilities=_capabilities(raw.mapping(security.get("capabilities"))),
        reads_input=container.get("stdin") is True,
        startup=probe(container, "startupProbe"),
        readiness=probe(container, "readinessProbe"),
        liveness=probe(container, "livenessProbe"),
        before_stop=_hook(raw.mapping(raw.mapping(container.get("lifecycle")).get("preStop"))),
    )


def _mount(mount: Mapping[str, object]) -> VolumeMount:
    path = raw.text(mount.get("mountPath"))
    if not path.startswith("/") or ".." in path.split("/") or path == "/":
        raise CannotRun("bad-pod", "this is no path to mount at", path="mountPath", value=path)
    sub_path = raw.text(mount.get("subPath"))
    if sub_path.startswith("/") or ".." in sub_path.split("/"):
        raise CannotRun("bad-pod", "this leads out of the volume", path="subPath", value=sub_path)
    return VolumeMount(
        volume=raw.text(mount.get("name")),
        path=path.rstrip("/"),
        sub_path=sub_path,
        read_only=mount.get("readOnly") is True,
    )


def _capabilities(wanted: Mapping[str, object]) -> frozenset[int]:
    dropped, added = _texts(wanted.get("drop")), _texts(wanted.get("add"))
    base = frozenset[str]() if "ALL" in dropped else _DEFAULT - set(dropped)
    return frozenset(_CAPABILITIES[name] for name in base | set(added) if name in _CAPABILITIES)


def _hook(hook: Mapping[str, object]) -> Hook | None:
    if command := _texts(raw.mapping(hook.get("exec")).get("command")):
        return Hook(command=command)
    if seconds := _number(raw.mapping(hook.get("sleep")).get("seconds"), 0):
        return Hook(seconds=float(seconds))
    return None


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return ()
    return tuple(str(item) for item in value)


def _number(value: object, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default
