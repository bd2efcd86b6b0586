"""All analyzers, in the order in which they run. Of two that say the same of the same field, the
first one is told.
"""

from analysis.analyzer import Analyzer
from analysis.checks.auto_images import AUTO_IMAGES
from analysis.checks.certificates import CERTIFICATES
from analysis.checks.conditions import CONDITIONS
from analysis.checks.entries import ENTRIES
from analysis.checks.header_matches import HEADER_MATCHES
from analysis.checks.http_settings import HTTP_SETTINGS
from analysis.checks.imports import IMPORTS
from analysis.checks.injection import INJECTION
from analysis.checks.injection_labels import INJECTION_LABELS
from analysis.checks.injectors import INJECTORS
from analysis.checks.misplaced import MISPLACED
from analysis.checks.outside_tls import OUTSIDE_TLS
from analysis.checks.peer_tls import PEER_TLS
from analysis.checks.policy_callers import POLICY_CALLERS
from analysis.checks.policy_effect import POLICY_EFFECT
from analysis.checks.policy_ports import POLICY_PORTS
from analysis.checks.policy_requests import POLICY_REQUESTS
from analysis.checks.policy_rules import POLICY_RULES
from analysis.checks.proxy_images import PROXY_IMAGES
from analysis.checks.route_order import ROUTE_ORDER
from analysis.checks.route_protocols import ROUTE_PROTOCOLS
from analysis.checks.rule_places import RULE_PLACES
from analysis.checks.selectors import SELECTORS
from analysis.checks.server_verification import SERVER_VERIFICATION
from analysis.checks.shared_ports import SHARED_PORTS
from analysis.checks.subsets import SUBSETS
from analysis.checks.timeouts import TIMEOUTS

ANALYZERS: tuple[Analyzer, ...] = (
    INJECTION_LABELS,
    INJECTION,
    AUTO_IMAGES,
    INJECTORS,
    PROXY_IMAGES,
    MISPLACED,
    SHARED_PORTS,
    ENTRIES,
    SELECTORS,
    ROUTE_PROTOCOLS,
    ROUTE_ORDER,
    HEADER_MATCHES,
    TIMEOUTS,
    IMPORTS,
    RULE_PLACES,
    SUBSETS,
    PEER_TLS,
    HTTP_SETTINGS,
    OUTSIDE_TLS,
    SERVER_VERIFICATION,
    CERTIFICATES,
    POLICY_EFFECT,
    POLICY_CALLERS,
    POLICY_PORTS,
    POLICY_REQUESTS,
    POLICY_RULES,
    CONDITIONS,
)
