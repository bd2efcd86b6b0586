"""The command line: all commands, each with the place that it is imported from when called."""

from heddle.cli.later import Later, app_of

COMMANDS = (
    Later("version", "heddle.cli.version:version", "Print the version."),
    Later(
        "demo",
        "heddle.cli.demo:demo",
        "Run a mesh on this machine from a folder of YAML, with real Envoys and a live view.",
    ),
    Later(
        "serve",
        "heddle.serve_command:serve",
        "Serve the configuration of a folder or a cluster to Envoys that show a pod's token.",
    ),
    Later(
        "check",
        "heddle.check.command:check",
        "See whether a cluster can have a mesh (--pre), and whether the one that it has is well.",
    ),
    Later(
        "analyze",
        "heddle.analyze.command:analyze_command",
        "Say what is wrong in files, in a cluster, or in a cluster once files were applied to it.",
    ),
    Later(
        "validate",
        "heddle.cli.validate:validate",
        "Check a folder: exit 1 if anything in it is an error.",
    ),
    Later(
        "translate",
        "heddle.cli.translate:translate",
        "Print the exact configuration that a proxy would get, offline.",
    ),
    Later(
        "inject",
        "heddle.cli.inject:inject",
        "Add sidecars to whatever makes pods in a file, offline, and print all of it.",
    ),
    Later(
        "proxy-status",
        "heddle.cli.proxy_status:proxy_status",
        "Print how far each proxy has come; exit 1 if one rejects anything.",
        alias="ps",
    ),
    Later(
        "proxy-config",
        "heddle.cli.proxy_config:app",
        "Print the configuration that a proxy holds.",
        alias="pc",
    ),
    Later(
        "config-dump",
        "heddle.cli.config_dump:config_dump",
        "Print the configuration of a proxy as Envoy dumps it, or how it differs from what it is "
        "to be.",
    ),
    Later(
        "describe",
        "heddle.cli.describe:describe_command",
        "Say which objects act on a pod or a service, what comes of it, and which of them lost.",
    ),
    Later("authz", "heddle.cli.authz:app", "Who may call whom."),
    Later(
        "trace",
        "heddle.cli.trace:trace_command",
        "Say which way a call takes, step by step, and which object and line decided it.",
    ),
    Later(
        "dashboard",
        "heddle.cli.dashboard:dashboard_command",
        "Open the page of a mesh that runs: sync, configuration, proxies.",
    ),
    Later(
        "ca",
        "heddle.ca_command:app",
        "Make the certificate authority of a mesh, and rotate its root without a failed request.",
    ),
    Later(
        "compatibility",
        "heddle.cli.documents:compatibility",
        "Print what becomes of each field of Istio's API, as Markdown (docs/compatibility.md).",
    ),
    Later(
        "crds",
        "heddle.cli.documents:crds",
        "Print the CustomResourceDefinitions, for `kubectl apply -f -` (charts/heddle-crds).",
    ),
)

app = app_of(COMMANDS, help_text="A service mesh control plane that drives stock Envoy sidecars.")
