"""The rows of the table, and the project's own targets. A figure without one is to be watched."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`figure` is where it is in the report; `target` is what it should be at most, in `unit`."""

    text: str
    figure: str
    unit: str
    target: float | None = None


def rows(services: int, clients: int) -> tuple[Row, ...]:
    """All rows, in the order of the table. The targets are about 1,000 services and proxies."""
    many = f"last of {clients:,} proxies"
    cold = f"translate_cold_{services}"
    return (
        Row(text=f"cold translate of {services:,} services", figure=f"{cold}.s", unit="s"),
        Row(text="... without the engine (oracle)", figure=f"{cold}.oracle_s", unit="s"),
        Row(text="... indexing them before that", figure=f"{cold}.mesh_s", unit="s"),
        *_per_proxy(f"{max(services // 10, 1)} HTTP services", f"http_{max(services // 10, 1)}"),
        *_per_proxy(
            f"{max(services // 10, 1)} services, each with a VirtualService",
            f"virtualservice_{max(services // 10, 1)}",
        ),
        *_per_proxy(f"a gateway's routes to {services:,} services", f"gateways_{services}"),
        Row(
            text=f"incremental translate, {services:,} services / a tenth of them",
            figure="incremental_ratio",
            unit="ratio",
            target=1.5,
        ),
        Row(
            text="VirtualService edit, translated and published",
            figure="incremental.ms",
            unit="ms",
        ),
        Row(
            text=f"`heddle analyze`: {services:,} services, as many VirtualServices",
            figure="analyze.s",
            unit="s",
            target=3,
        ),
        Row(
            text="... as a command, with its start", figure="analyze.command_s", unit="s", target=3
        ),
        Row(text="... CPU of that", figure="analyze.command_cpu_s", unit="s"),
        Row(text="... each with a misspelt host", figure="analyze.misspelt_s", unit="s"),
        Row(text="... with as many Deployments", figure="analyze_workloads.s", unit="s"),
        Row(text="VirtualService edit, 1 proxy", figure="vs_edit_1.last_ms", unit="ms"),
        *_edit("VirtualService edit", many, "vs_edit_unscoped", (0.2, 0.25, 2000)),
        Row(
            text=f"endpoint change, {many}",
            figure="endpoint_unscoped.last_ms",
            unit="ms",
            target=130,
        ),
        Row(
            text="... CPU per proxy",
            figure="endpoint_unscoped.cpu_ms_per_proxy",
            unit="ms",
            target=0.2,
        ),
        *_edit("new service", many, "new_service_unscoped", (0.6, None, 4000)),
        Row(
            text=f"connect storm of {clients:,}, CPU per proxy",
            figure="connect_unscoped.cpu_ms_per_proxy",
            unit="ms",
            target=8,
        ),
        Row(text="... the last is synced", figure="connect_unscoped.last_s", unit="s"),
        Row(text="... sent to each", figure="connect_unscoped.kb_per_proxy", unit="kB"),
        Row(text="... event loop late by at most", figure="connect_unscoped.lag_ms", unit="ms"),
        Row(
            text="... CPU of the simulated proxies",
            figure="connect_unscoped.proxies_cpu_s",
            unit="s",
        ),
        Row(
            text="memory per proxy, steady",
            figure="rss_mb_per_proxy.unscoped",
            unit="MB",
            target=0.2,
        ),
        Row(
            text="memory per proxy, peak of the storm",
            figure="rss_mb_per_proxy.unscoped_peak",
            unit="MB",
        ),
        Row(text="server without proxies", figure="rss_mb_per_proxy.unscoped_server_mb", unit="MB"),
        Row(
            text=f"**inline routes**: VirtualService edit, {many}",
            figure="vs_edit_unscoped_rds.last_s",
            unit="s",
            target=0.9,
        ),
        Row(
            text="... server CPU",
            figure="vs_edit_unscoped_rds.cpu_s",
            unit="s",
            target=0.8,
        ),
        Row(
            text="... per proxy",
            figure="vs_edit_unscoped_rds.bytes_per_proxy",
            unit="bytes",
        ),
        Row(
            text="... new service",
            figure="new_service_unscoped_rds.last_s",
            unit="s",
        ),
        Row(
            text="... memory per proxy, steady",
            figure="rss_mb_per_proxy.unscoped_rds",
            unit="MB",
        ),
        Row(
            text="**pods with tokens**: connect storm, CPU per proxy",
            figure="connect_identified.cpu_ms_per_proxy",
            unit="ms",
        ),
        Row(text="... the last is synced", figure="connect_identified.last_s", unit="s"),
        Row(
            text="... memory per proxy, steady",
            figure="rss_mb_per_proxy.identified",
            unit="MB",
        ),
        *_spread("scoped", "scoped", Targets(last_ms=20, size=2000, memory=0.1)),
        *_spread("in as many classes", "distinct", Targets()),
    )


def _per_proxy(text: str, group: str) -> tuple[Row, ...]:
    return (
        Row(text=f"{text}: the first proxy", figure=f"{group}.cold_ms", unit="ms"),
        Row(
            text="... the first of another namespace",
            figure=f"{group}.other_namespace_ms",
            unit="ms",
        ),
        Row(text="... another pod of the same", figure=f"{group}.warm_ms", unit="ms"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Of a scenario that has proxies in more than one namespace."""

    last_ms: float | None = None
    size: float | None = None
    memory: float | None = None


def _spread(text: str, name: str, targets: Targets) -> tuple[Row, ...]:
    edit, connect = f"vs_edit_{name}", f"connect_{name}"
    return (
        Row(
            text=f"**{text}**: VirtualService edit, last of those affected",
            figure=f"{edit}.last_ms",
            unit="ms",
            target=targets.last_ms,
        ),
        Row(text="... proxies affected", figure=f"{edit}.affected", unit=""),
        Row(text="... translated and published", figure=f"{edit}.translated_ms", unit="ms"),
        Row(text="... server CPU", figure=f"{edit}.cpu_s", unit="s"),
        Row(
            text="... per affected proxy",
            figure=f"{edit}.bytes_per_proxy",
            unit="bytes",
            target=targets.size,
        ),
        Row(text="... endpoint change", figure=f"endpoint_{name}.last_ms", unit="ms"),
        Row(text="... new service", figure=f"new_service_{name}.last_ms", unit="ms"),
        Row(text="... connect, CPU per proxy", figure=f"{connect}.cpu_ms_per_proxy", unit="ms"),
        Row(text="... the last is synced", figure=f"{connect}.last_s", unit="s"),
        Row(text="... sent to each", figure=f"{connect}.kb_per_proxy", unit="kB"),
        Row(
            text="... memory per proxy, steady",
            figure=f"rss_mb_per_proxy.{name}",
            unit="MB",
            target=targets.memory,
        ),
        Row(
            text="... memory per proxy, peak",
            figure=f"rss_mb_per_proxy.{name}_peak",
            unit="MB",
        ),
    )


def _edit(
    text: str, many: str, group: str, targets: tuple[float, float | None, float]
) -> tuple[Row, ...]:
    last, cpu, size = targets
    return (
        Row(text=f"{text}, {many}", figure=f"{group}.last_s", unit="s", target=last),
        Row(text="... server CPU", figure=f"{group}.cpu_s", unit="s", target=cpu),
        Row(text="... CPU of the simulated proxies", figure=f"{group}.proxies_cpu_s", unit="s"),
        Row(text="... per proxy", figure=f"{group}.bytes_per_proxy", unit="bytes", target=size),
    )
