"""AuthorizationPolicies as Envoy's RBAC: who (principals) may do what (permissions)."""
