"""Our codes from 100 on: what analyzers find that Istio has no code for. A number is never used
again.
"""

from analysis.code import ours
from analysis.severity import Severity

E, W, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

UNKNOWN_CALLER = ours(
    100,
    "UnknownCaller",
    W,
    "A policy names a service account that does not exist, so it is about nobody.",
    "Correct the name; callers are known by the service account of their pods.",
)
UNKNOWN_TRUST_DOMAIN = ours(
    101,
    "UnknownTrustDomain",
    W,
    "A policy names a trust domain in which nobody has a certificate.",
    "Use the mesh's trust domain, or add this one to trustDomainAliases.",
)
MALFORMED_PRINCIPAL = ours(
    102,
    "MalformedPrincipal",
    W,
    "A principal has a form that no certificate has, so it matches nobody.",
    "Write it as cluster.local/ns/NAMESPACE/sa/SERVICE_ACCOUNT, without spiffe://.",
)
UNKNOWN_NAMESPACE = ours(
    103,
    "UnknownNamespace",
    W,
    "A policy names a namespace that does not exist, so it is about nobody.",
    "Correct the name.",
)
SERVICE_PORT_IN_POLICY = ours(
    104,
    "ServicePortInPolicy",
    W,
    "A policy names the port of a Service where the port of the pods is meant.",
    "Name the target port: policies are obeyed by pods, which do not know the Service's port.",
)
REQUEST_FIELDS_ON_TCP = ours(
    105,
    "RequestFieldsOnTcp",
    W,
    "An ALLOW rule asks for what only HTTP has, of ports that speak TCP, so it allows nothing.",
    "Name callers and ports instead, or give the port an HTTP protocol.",
)
TOKENS_NOT_VERIFIED = ours(
    106,
    "TokensNotVerified",
    W,
    "A policy asks who a token was issued to, where no token is verified, so nobody has one.",
    "Add a RequestAuthentication for the same pods.",
)
RULE_NEVER_MATCHES = ours(
    107,
    "RuleNeverMatches",
    W,
    "A rule of a policy asks for what cannot be, so it never matches.",
    "Correct what the message names.",
)
NOBODY_IS_ALLOWED = ours(
    108,
    "NobodyIsAllowed",
    INFO,
    "An ALLOW policy without rules allows nothing, and no other one allows anybody.",
    "Nothing, if the pods shall not be called at all; otherwise add rules.",
)
RULES_OF_ANOTHER_PROTOCOL = ours(
    109,
    "RulesOfAnotherProtocol",
    W,
    "The rules of a VirtualService are for a protocol that no port of its hosts speaks.",
    "Write http rules for HTTP and gRPC, tls rules for TLS passed through, tcp rules for all else.",
)
HTTP_SETTINGS_ON_TCP = ours(
    110,
    "HttpSettingsOnTcp",
    W,
    "A DestinationRule has settings for requests, on ports that speak TCP.",
    "Use the settings of tcp, or give the port an HTTP protocol.",
)
TLS_AGAINST_PEERS = ours(
    111,
    "TlsAgainstPeers",
    E,
    "A DestinationRule makes clients speak what the pods do not take, so connections fail.",
    "Leave tls out of the rule: who takes mutual TLS is known, and gets it.",
)
RULE_WITHOUT_CLIENTS = ours(
    112,
    "RuleWithoutClients",
    W,
    "A DestinationRule is in a namespace where no client looks for it.",
    "Put it into the namespace of the service, or of the clients that it is for.",
)
HOST_OF_A_SERVICE = ours(
    113,
    "HostOfAService",
    W,
    "A ServiceEntry has the host of a Service, which wins.",
    "Give the entry another host, or remove it.",
)
NOBODY_IMPORTS = ours(
    114,
    "NobodyImports",
    W,
    "A VirtualService is for hosts that no Sidecar of its clients imports, so nobody obeys it.",
    "Add the hosts to egress.hosts of the clients' Sidecar.",
)
TIMEOUT_BEFORE_RETRIES = ours(
    115,
    "TimeoutBeforeRetries",
    W,
    "The timeout of a rule is over before its retries are.",
    "Raise timeout above perTryTimeout times the number of tries, or lower perTryTimeout.",
)
INJECTION_LABEL_VALUE = ours(
    116,
    "InjectionLabelValue",
    W,
    "A label for injection has a value that means nothing, so no sidecar is added.",
    "Write istio-injection=enabled, or istio-injection=disabled.",
)
DOUBLE_TLS = ours(
    117,
    "DoubleTls",
    W,
    "A DestinationRule puts TLS around connections that are TLS already.",
    "Let the application call the plain HTTP port, or remove tls from the rule.",
)
PLAINTEXT_TO_TLS_PORT = ours(
    118,
    "PlaintextToTlsPort",
    W,
    "Plain HTTP is sent to port 443 of an outside service, where TLS is expected.",
    "Add a DestinationRule with tls mode SIMPLE for the host, or call the port protocol HTTPS.",
)
UNUSED_WORKLOAD_ENTRY = ours(
    119,
    "UnusedWorkloadEntry",
    W,
    "A WorkloadEntry is selected by no service, so nothing is sent to it.",
    "Compare its labels with the selectors of the ServiceEntries and Services of the namespace.",
)
