"""What translation costs by itself, without a server or a client."""

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import ParamSpec, TypeVar

import yaml

from analysis.analyzers import ANALYZERS
from analysis.engine import analyze
from analysis.message import Message
from bench import shapes
from bench.loop import Turns
from bench.shapes import Shape
from bench.worker import obey
from crds.kinds import Object
from crds.mesh_config import DEFAULT_MESH_CONFIG
from crds.meta import Key
from heddle.analyze.files import read_files
from heddle.analyze.subject import subject
from heddle.cli.uncollected import uncollected
from heddle.engine import Engine
from mesh.store import Store
from translator.translate import translate
from xds.publisher import Publisher

Made = TypeVar("Made")
Given = ParamSpec("Given")

_MAIN = "from heddle.entry import main; main()"
_COLD_RUNS = 3
_WARM_EDITS = 5
_EDITS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Cold:
    """Translate a whole mesh."""

    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class PerProxy:
    """What one proxy costs: the first of all, the first of another namespace, another pod."""

    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Incremental:
    """One edit of a VirtualService in such a mesh."""

    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """`heddle analyze` of a file with such a mesh, in this process and as a command."""

    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """Medians by what was timed, in seconds."""

    of: Mapping[str, float]


async def offline(connection: Connection, _: Turns) -> None:
    """The body of the worker."""
    await obey(connection, _handle)


async def _handle(command: object) -> object:
    match command:
        case Cold():
            return _cold(command)
        case PerProxy():
            return _per_proxy(command)
        case Incremental():
            return _incremental(command)
        case Analysis():
            return _analysis(command)
        case _:
            raise TypeError(f"nothing to be timed is called {command!r}")


def _cold(command: Cold) -> Seconds:
    times: dict[str, list[float]] = {}
    client = shapes.proxy(command.shape, shapes.namespace())
    for _ in range(_COLD_RUNS):
        gc.collect()
        store = _store(_timed(times, "decode_s", shapes.objects, command.shape))
        engine = Engine(Publisher(), shapes.STAMPS)
        _timed(times, "mesh_s", engine.apply, store.take(), DEFAULT_MESH_CONFIG)
        _timed(times, "s", engine.select, client)
        _timed(times, "oracle_s", translate, engine.mesh, client)
    return Seconds(of={name: median(each) for name, each in times.items()})


def _per_proxy(command: PerProxy) -> Seconds:
    times: dict[str, list[float]] = {}
    objects = shapes.objects(command.shape)
    for _ in range(_COLD_RUNS):
        gc.collect()
        engine = Engine(Publisher(), shapes.STAMPS)
        engine.apply(_store(objects).take(), DEFAULT_MESH_CONFIG)
        _timed(times, "cold_s", engine.select, shapes.proxy(command.shape, shapes.namespace()))
        _timed(times, "other_namespace_s", engine.select, shapes.proxy(command.shape, "elsewhere"))
        _timed(times, "warm_s", engine.select, shapes.proxy(command.shape, shapes.namespace()))
    return Seconds(of={name: median(each) for name, each in times.items()})


def _incremental(command: Incremental) -> Seconds:
    store = _store(shapes.objects(command.shape))
    engine = Engine(Publisher(), shapes.STAMPS)
    engine.apply(store.take(), DEFAULT_MESH_CONFIG)
    engine.select(shapes.proxy(command.shape, shapes.namespace()))
    times: dict[str, list[float]] = {}
    for number in range(_WARM_EDITS + _EDITS):
        edit = shapes.edit(command.shape, "vs_edit", number)
        _timed(times, "s", _apply, engine, store, edit)
    return Seconds(of={"s": median(times["s"][_WARM_EDITS:])})


def _analysis(command: Analysis) -> Seconds:
    times: dict[str, list[float]] = {}
    with TemporaryDirectory() as folder:
        path = Path(folder, "mesh.yaml")
        raws = shapes.authored(command.shape)
        text = yaml.dump_all(raws, Dumper=yaml.CSafeDumper, explicit_start=True)
        wrong = Path(folder, "misspelt.yaml")
        path.write_text(text)
        wrong.write_text(text.replace("host: service-", "host: sevrice-"))
        for _ in range(_COLD_RUNS):
            gc.collect()
            if _timed(times, "s", _analyze, path):
                raise ValueError("the benchmark's own mesh is no clean one")
            _timed(times, "misspelt_s", _analyze, wrong)
            before = os.times()
            _timed(times, "command_s", _analyze_command, path)
            times.setdefault("command_cpu_s", []).append(_cpu_of_children(before, os.times()))
    return Seconds(of={name: median(each) for name, each in times.items()})


def _cpu_of_children(before: os.times_result, after: os.times_result) -> float:
    user = after.children_user - before.children_user
    return user + after.children_system - before.children_system


def _analyze(path: Path) -> Sequence[Message]:
    with uncollected():
        found = subject(read_files([str(path)], recursive=False))
        return analyze(found.facts, ANALYZERS, found.problems, found.place)


def _analyze_command(path: Path) -> None:
    asked = [sys.executable, "-c", _MAIN, "analyze", "--use-kube", "false", str(path)]
    # As wherever we are installed there is bytecode: what lacks it is written by the first run.
    around = {n: value for n, value in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(asked, check=True, capture_output=True, env=around)


def _apply(engine: Engine, store: Store, objects: Mapping[Key, Object]) -> None:
    for key, each in objects.items():
        store.put(key, each)
    engine.apply(store.take(), DEFAULT_MESH_CONFIG)


def _store(objects: Mapping[Key, Object]) -> Store:
    store = Store()
    for key, each in objects.items():
        store.put(key, each)
    return store


def _timed(
    times: dict[str, list[float]],
    name: str,
    make: Callable[Given, Made],
    *args: Given.args,
    **kwargs: Given.kwargs,
) -> Made:
    began = time.perf_counter()
    made = make(*args, **kwargs)
    times.setdefault(name, []).append(time.perf_counter() - began)
    return made
