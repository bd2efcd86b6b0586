"""Our codes, for what Istio has none for. Below 100 are the findings of the mesh model itself
(`analysis/problems.py`), from 100 on those of analyzers. A number is never used again.
"""

from analysis.code import ours
from analysis.severity import Severity

E, W, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

UNREADABLE_FILE = ours(
    1,
    "UnreadableFile",
    E,
    "A file, or a document in it, cannot be read as an object.",
    "Correct it at the line that is given; what it held before stays in force.",
)
UNSUPPORTED = ours(
    2,
    "Unsupported",
    W,
    "A field or kind is known, but this release does nothing with it.",
    "Look it up in docs/compatibility.md, and do without it.",
)
HIDDEN_HOST = ours(
    3,
    "HiddenHost",
    W,
    "A host exists, but the clients that are meant do not see it.",
    "Export it to their namespace (exportTo), or add it to their Sidecar.",
)
ROUTED_HOST_UNKNOWN = ours(
    4,
    "RoutedHostUnknown",
    W,
    "A VirtualService routes a host that no service has, so it is served on port 80 only.",
    "Correct the host; of a service in another namespace, write the full name.",
)
CONFLICTING_DESTINATION_RULES = ours(
    5,
    "ConflictingDestinationRules",
    W,
    "Two DestinationRules say different things for one host, and only one of them counts.",
    "Merge the two into one.",
)
DUPLICATE_ADDRESS = ours(
    6,
    "DuplicateAddress",
    W,
    "Two services have one address and port, and only one of them gets what is sent there.",
    "Give each an address or a port of its own.",
)
ALIAS_CIRCLE = ours(
    7,
    "AliasCircle",
    W,
    "ExternalName services lead to each other in a circle.",
    "Let one of them lead to a service that has endpoints.",
)
CONFLICTING_DELEGATE = ours(
    8,
    "ConflictingDelegate",
    W,
    "What a delegated VirtualService says contradicts who delegates to it, and is left out.",
    "Make the delegate's match narrower than that of the rule that names it.",
)
UNUSED_DELEGATE = ours(
    9,
    "UnusedDelegate",
    W,
    "A VirtualService without hosts is named by no other one, so it has no effect.",
    "Name it in a delegate of another VirtualService, or give it hosts.",
)
SHADOWED_POLICY = ours(
    10,
    "ShadowedPolicy",
    W,
    "Another policy says something else for the same pods, and wins.",
    "Keep one of them, or give them selectors that differ.",
)
BROADER_THAN_WRITTEN = ours(
    11,
    "BroaderThanWritten",
    W,
    "A DENY with fields of HTTP denies more than it says on ports that are not HTTP.",
    "Limit the rule to ports, or name the protocol of the ports.",
)
UNUSABLE_PROVIDER = ours(
    12,
    "UnusableProvider",
    W,
    "An external authorizer cannot judge the traffic that it is asked about.",
    "Use a provider of the protocol that the ports speak.",
)
UNSERVED_TARGET = ours(
    13,
    "UnservedTarget",
    W,
    "A policy is attached to something that does not exist or that takes no policy.",
    "Correct targetRefs.",
)
UNREADABLE_KEY = ours(
    14,
    "UnreadableKey",
    W,
    "One of the keys in a key set cannot be used, so tokens signed by it are refused.",
    "Replace the key by one of a kind that is supported.",
)
RESERVED_PORT = ours(
    15,
    "ReservedPort",
    W,
    "A port is one that the proxy needs for itself.",
    "Choose another port; those from 15000 to 15090 belong to the proxy.",
)
NEVER_EJECTS = ours(
    16,
    "NeverEjects",
    W,
    "Outlier detection is configured so that it never ejects an endpoint.",
    "Raise maxEjectionPercent, or give the service more endpoints.",
)
LOCALITY_WITHOUT_EFFECT = ours(
    17,
    "LocalityWithoutEffect",
    W,
    "Load balancing by locality is configured so that it has no effect.",
    "Add outlierDetection, and endpoints whose nodes have the labels of topology.",
)
POLICY_LOST_AT_PORT = ours(
    18,
    "PolicyLostAtPort",
    W,
    "A setting stands at a level where it does not hold for this port.",
    "Move the settings of the port to the policy, or to a subset.",
)
UNVERIFIED_SERVER_NAME = ours(
    19,
    "UnverifiedServerName",
    W,
    "A server's certificate is checked, but not whose it is: any server of that authority will do.",
    "Set subjectAltNames to the server's name.",
)
UNUSABLE_CREDENTIAL = ours(
    20,
    "UnusableCredential",
    E,
    "A Secret or certificate that TLS needs is missing or unusable, so the connection is refused.",
    "Put a certificate and its key into the Secret or file that is named.",
)
CONFLICTING_PORTS = ours(
    21,
    "ConflictingPorts",
    W,
    "Two services want what goes to one port, and only one of them gets it.",
    "Give them addresses, a protocol that tells them apart, or different ports.",
)
NO_ENDPOINTS = ours(
    22,
    "NoEndpoints",
    W,
    "A service has no endpoint that could ever be used.",
    "Add endpoints, or a selector that matches.",
)
DEAD_MATCH = ours(
    23,
    "DeadMatch",
    W,
    "A condition can never hold.",
    "Correct it: a path begins with /.",
)
SERVER_NAME_UNMATCHED = ours(
    24,
    "ServerNameUnmatched",
    W,
    "A host cannot be found in a TLS greeting, so connections to it are not told apart.",
    "Write *. and a domain, or whole names.",
)
CREDENTIAL_WITHOUT_SELECTOR = ours(
    25,
    "CredentialWithoutSelector",
    W,
    "A DestinationRule without a selector names a Secret, which no sidecar may read.",
    "Give the rule a workloadSelector, or use files that are mounted in the proxy.",
)
UNKNOWN_CALLERS = ours(
    26,
    "UnknownCallersNotCovered",
    W,
    "A policy names callers by identity where callers without any identity are let in too.",
    "Make the ports STRICT with a PeerAuthentication, or name callers without identity as well.",
)
UNLISTED_GATEWAY = ours(
    27,
    "UnlistedGateway",
    W,
    "A match names a gateway to which the VirtualService as a whole is not bound.",
    "Add the gateway to spec.gateways, or remove it from the match.",
)
NOT_LISTENING = ours(
    28,
    "NotListening",
    W,
    "A listener is described that cannot be opened.",
    "Give it what the message says that it lacks.",
)
ROOT_SELECTOR = ours(
    29,
    "RootSelector",
    W,
    "An object of the root namespace has a selector, so it holds for the pods of that one only.",
    "Remove the selector, or put the object into the namespace that is meant.",
)
UNUSABLE_POD = ours(
    30,
    "UnusablePod",
    E,
    "A pod or its template is refused, so no such pod runs in the mesh.",
    "Correct the field.",
)
NOT_AN_OBJECT = ours(
    31,
    "NotAnObject",
    W,
    "A document does not say what it is, so it is not read.",
    "Give it apiVersion and kind, or leave the file out.",
)
IN_THE_CLEAR = ours(
    32,
    "HookInTheClear",
    W,
    "A hook or probe calls a pod in the clear, which does not work with mutual TLS.",
    "Call the pod from within: with exec, or through a port of its own.",
)
UNKNOWN_TARGET_PORT = ours(
    33,
    "UnknownTargetPort",
    W,
    "The target port of a Service is a name that no container of its pods has.",
    "Name a port of the containers, or write the number.",
)
