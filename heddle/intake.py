"""From what a source says to typed objects in the store, with every problem kept where it belongs.

An object that cannot be read keeps its last good version, and nothing else is touched.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from crds import core
from crds.decode import decode
from crds.mesh_config import CONFIG_MAP_KEY, DEFAULT_MESH_CONFIG, MeshConfig, mesh_config
from crds.meta import Key, Origin
from crds.problem import Problem, Severity
from crds.secret import Secret
from heddle.secret_check import UNUSABLE, check_secret
from mesh.advance import CONFIG_KEY
from mesh.store import Change, Store
from sources.events import Applied, Deleted, Event, Moved, Problems, Synced
from sources.yaml_values import Fault, parse
from webhook.values import NO_VALUES, InjectionValues, injection_values

T = TypeVar("T")

INJECTION_KEY = "injection"
"""The injector's settings, beside those of the mesh."""
NOTHING: tuple[Problem, ...] = ()


class Intake:
    """Takes events in; `take` gives the net changes since the last call."""

    def __init__(self, config: Key = CONFIG_KEY) -> None:
        """`config` is the ConfigMap with MeshConfig."""
        self._config_key = config
        self.store = Store()
        self.config: MeshConfig = DEFAULT_MESH_CONFIG
        self.refused: set[Key] = set()
        """Objects whose newest version is not used: the last good one, or none, stays in force."""
        self._objects: dict[Key, tuple[Problem, ...]] = {}
        self._files: dict[str, tuple[Problem, ...]] = {}
        self._origins: dict[Key, Origin] = {}
        self._config_problems: tuple[Problem, ...] = NOTHING
        self.injection: InjectionValues = NO_VALUES
        self._injection_problems: tuple[Problem, ...] = NOTHING

    def apply(self, events: Iterable[Event]) -> None:
        """Takes what a source says; the newest word on an object counts."""
        for event in events:
            match event:
                case Applied(key=key, raw=raw, origin=origin):
                    self._applied(key, raw, origin)
                case Deleted(key=key):
                    self.store.delete(key)
                    self._objects.pop(key, None)
                    self._origins.pop(key, None)
                    self.refused.discard(key)
                case Moved(key=key, origin=origin):
                    self._origins[key] = origin
                case Problems(file=file, problems=problems):
                    self._files[file] = tuple(problems)
                case Synced():
                    pass  # says when, not what

    def _applied(self, key: Key, raw: Mapping[str, object], origin: Origin | None) -> None:
        decoded = decode(raw)
        made, problems = decoded.object, decoded.problems
        if isinstance(made, Secret):
            found = tuple(replace(each, object=key) for each in check_secret(made))
            problems = (*problems, *found)
            if any(each.code == UNUSABLE for each in found):
                made = None
        self._objects[key] = problems
        if origin is not None:
            self._origins[key] = origin
        if made is not None:
            self.store.put(key, made)
            self.refused.discard(key)
        else:
            self.refused.add(key)

    def take(self) -> tuple[Change, ...]:
        """The net changes since the last call; `config` is then the newest."""
        changes = self.store.take()
        for change in changes:
            if change.key == self._config_key:
                self.config, found = read_config(change.new, self.config)
                self._config_problems = tuple(replace(p, object=change.key) for p in found)
                self.injection, found = read_injection(change.new, self.injection)
                self._injection_problems = tuple(replace(p, object=change.key) for p in found)
        return changes

    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with files and with objects on their own."""
        of_files = (p for file in sorted(self._files) for p in self._files[file])
        of_objects = (p for key in sorted(self._objects) for p in self._objects[key])
        of_config = (*self._config_problems, *self._injection_problems)
        return tuple(self.located((*of_files, *of_objects, *of_config)))

    def origin(self, key: Key) -> Origin | None:
        """Where an object was read, if it came from a file."""
        return self._origins.get(key)

    def located(self, problems: Iterable[Problem]) -> Iterable[Problem]:
        """The problems, saying which file their objects came from."""
        for problem in problems:
            yield problem.at(self._origins.get(problem.object) if problem.object else None)


def read_config(made_from: object, last: MeshConfig) -> tuple[MeshConfig, tuple[Problem, ...]]:
    """The settings in the ConfigMap of `CONFIG_KEY`, or the `last` ones if it has errors."""
    return _read(made_from, CONFIG_MAP_KEY, mesh_config, DEFAULT_MESH_CONFIG, last)


def read_injection(
    made_from: object, last: InjectionValues
) -> tuple[InjectionValues, tuple[Problem, ...]]:
    """The injector's settings in the same ConfigMap, or the `last` ones if they have errors."""
    return _read(made_from, INJECTION_KEY, injection_values, NO_VALUES, last)


def _read(
    made_from: object,
    key: str,
    decoded: Callable[[Mapping[str, object]], tuple[T, tuple[Problem, ...]]],
    default: T,
    last: T,
) -> tuple[T, tuple[Problem, ...]]:
    if not isinstance(made_from, core.ConfigMap):
        return default, NOTHING
    try:
        raw = parse(made_from.data.get(key, "")) or {}
    except Fault as fault:
        return last, (_config_problem(key, fault.message),)
    if not isinstance(raw, dict):
        return last, (_config_problem(key, "must be a mapping of settings"),)
    config, problems = decoded(raw)
    placed = (replace(each, object=CONFIG_KEY, path=f"data.{key}.{each.path}") for each in problems)
    # The default would be no safe choice: for the outbound policy, it is to let everything out.
    bad = any(each.severity is Severity.ERROR for each in problems)
    return (last if bad else config), tuple(placed)


def _config_problem(key: str, message: str) -> Problem:
    return Problem(
        code="bad-mesh-config",
        severity=Severity.ERROR,
        object=CONFIG_KEY,
        path=f"data.{key}",
        message=f"{message}; the last good settings stay in force",
    )
