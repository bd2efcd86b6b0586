"""A whole cluster on this machine: the real API server, controllers and scheduler, and a stand-in
for the kubelet and kube-proxy that runs pods in network namespaces. `make test-kube`.
"""
