"""Which of Envoy's statistics a sidecar keeps.

Every cluster has some 180, and a mesh has thousands of clusters: for 1,000 of them keeping all
takes 138 MB of memory, keeping these 110 (Envoy 1.40, two workers). Kept are the proxy's own, those
of its listeners, and of each cluster the few that answer "how much, how often does it fail, is
anyone there". Prometheus gets the cluster and the response class as labels.
"""

Json = dict[str, object]

_PREFIXES = (
    "cluster_manager.",
    "listener_manager.",
    "server.",
    "control_plane.",
    "cluster.xds.",
    "http.inbound_",
    "http.outbound_",
)
_CLUSTER_STATS = (
    ".membership_healthy",
    ".membership_total",
    ".outlier_detection.ejections_active",
    ".upstream_cx_active",
    ".upstream_cx_connect_fail",
    ".upstream_cx_total",
    ".upstream_rq_2xx",
    ".upstream_rq_3xx",
    ".upstream_rq_4xx",
    ".upstream_rq_5xx",
    ".upstream_rq_pending_overflow",
    ".upstream_rq_retry",
    ".upstream_rq_time",
    ".upstream_rq_timeout",
    ".upstream_rq_total",
)

# Hosts have dots, so a cluster's name ends where the names of its statistics begin.
_CLUSTER = r"^cluster\.((.+?)\.)(?:upstream_|membership_|outlier_detection\.)"
_MANAGER = r"^http\.(((?:in|out)bound_[0-9.]+_[0-9]+|outbound_http_proxy)\.)"
_CLASS = r"_rq(_([1-5]xx))$"


def stats_config() -> Json:
    """The statistics to keep, and which parts of their names are labels."""
    return {
        "stats_matcher": {
            "inclusion_list": {
                "patterns": [
                    *({"prefix": prefix} for prefix in _PREFIXES),
                    *({"suffix": suffix} for suffix in _CLUSTER_STATS),
                ]
            }
        },
        "use_all_default_tags": False,
        "stats_tags": [
            {"tag_name": "envoy.cluster_name", "regex": _CLUSTER},
            {"tag_name": "envoy.http_conn_manager_prefix", "regex": _MANAGER},
            {"tag_name": "envoy.response_code_class", "regex": _CLASS},
        ],
    }
