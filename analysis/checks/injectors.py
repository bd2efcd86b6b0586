"""Webhooks that inject (IST0139): two that take the same pods, and such that lead nowhere."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

from analysis import istio_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from analysis.spelling import did_you_mean
from crds import core
from crds.convert import plan
from crds.label_selector import LabelSelector
from crds.meta import Key, Label
from crds.path import root

KIND = "MutatingWebhookConfiguration"
_LABELS = frozenset({Label.INJECTION, Label.INJECT, Label.REVISION})
_NO_LABEL = ""
"""In place of a value: the label is not there."""

_Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Service:
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ClientConfig:
    service: _Service | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Webhook:
    name: str = ""
    client_config: _ClientConfig = field(default_factory=_ClientConfig)
    namespace_selector: LabelSelector = field(default_factory=LabelSelector)
    object_selector: LabelSelector = field(default_factory=LabelSelector)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Configuration:
    """admissionregistration.k8s.io/v1, as far as it matters."""

    webhooks: tuple[_Webhook, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Injector:
    """A webhook, where it is written, and the labels that it takes pods by: of their namespaces and
    their own.
    """

    key: Key
    index: int
    webhook: _Webhook
    namespaces: frozenset[int]
    pods: frozenset[int]

    def shares(self, other: "_Injector") -> bool:
        """Whether there are pods that both take."""
        return bool(self.namespaces & other.namespaces and self.pods & other.pods)


def _run(facts: Facts) -> Iterator[Message]:
    looked_at = {key for key, _ in facts.unread(KIND)}
    every = _injectors(facts) if looked_at else ()
    for each in every:
        if each.key in looked_at:
            yield from _nowhere(facts, each)
            yield from _shared(each, every)


def _injectors(facts: Facts) -> tuple[_Injector, ...]:
    written = sorted((key, raw) for key, raw in facts.raw.items() if key.kind == KIND)
    webhooks = [
        (key, index, webhook)
        for key, raw in written
        for index, webhook in enumerate(_configuration(raw).webhooks)
        if _named(webhook) & _LABELS
    ]
    revisions = sorted({each for *_, webhook in webhooks for each in _revisions(webhook)})
    namespaces = tuple(_combined(Label.INJECTION, ("enabled", "disabled"), revisions))
    pods = tuple(_combined(Label.INJECT, ("true", "false"), revisions))
    return tuple(
        _Injector(
            key=key,
            index=index,
            webhook=webhook,
            namespaces=_selected(webhook.namespace_selector, namespaces),
            pods=_selected(webhook.object_selector, pods),
        )
        for key, index, webhook in webhooks
    )


def _configuration(raw: Mapping[str, object]) -> _Configuration:
    """What cannot be read of it is left out: the API server refuses that."""
    given = {"webhooks": raw.get("webhooks", ())}
    return _Configuration(**plan(_Configuration).values(given, root(""), []))


def _named(webhook: _Webhook) -> set[str]:
    """The labels that it selects by."""
    selectors = (webhook.namespace_selector, webhook.object_selector)
    expressions = {each.key for selector in selectors for each in selector.match_expressions}
    return expressions | {name for selector in selectors for name in selector.match_labels}


def _revisions(webhook: _Webhook) -> Iterator[str]:
    for selector in (webhook.namespace_selector, webhook.object_selector):
        yield from (v for name, v in selector.match_labels.items() if name == Label.REVISION)
        for each in selector.match_expressions:
            yield from each.values if each.key == Label.REVISION else ()


def _combined(name: str, values: tuple[str, ...], revisions: list[str]) -> Iterator[_Labels]:
    """What labels may say of injection."""
    for value, revision in product((_NO_LABEL, *values), (_NO_LABEL, *revisions)):
        labels = {name: value, Label.REVISION: revision}
        yield {key: text for key, text in labels.items() if text != _NO_LABEL}


def _selected(selector: LabelSelector, combined: tuple[_Labels, ...]) -> frozenset[int]:
    return frozenset(n for n, labels in enumerate(combined) if selector.selects(labels))


def _nowhere(facts: Facts, each: _Injector) -> Iterator[Message]:
    service = each.webhook.client_config.service
    if service is None:
        return  # it leads to an address
    known = {key.name for key, _ in facts.every(core.Service) if key.namespace == service.namespace}
    if known and service.name not in known:
        yield finding(
            codes.INVALID_WEBHOOK,
            each.key,
            f"webhooks[{each.index}].clientConfig.service.name",
            f"namespace {service.namespace} has no such Service, so pods that the webhook is for "
            "are not created or get no sidecar",
            value=service.name,
            remedy=did_you_mean(service.name, known, otherwise="Name the control plane's Service."),
        )


def _shared(each: _Injector, every: tuple[_Injector, ...]) -> Iterator[Message]:
    for other in every:
        if other is not each and each.shares(other):
            name = other.webhook.name or f"webhooks[{other.index}]"
            yield finding(
                codes.INVALID_WEBHOOK,
                each.key,
                f"webhooks[{each.index}]",
                f"takes pods that {name} of {other.key.name} takes, too, so they are injected "
                "twice and do not start",
                value=each.webhook.name,
                remedy="Install one of the two as a revision, or let their selectors differ.",
            )
            return


INJECTORS = Analyzer(
    name="injectors",
    summary="Webhooks that inject the same pods, or lead to a Service that is not there.",
    codes=(codes.INVALID_WEBHOOK,),
    run=_run,
)
