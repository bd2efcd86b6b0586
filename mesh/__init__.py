"""What the mesh is, with no Kubernetes client and no Envoy in it: indexes over typed objects. Pure:
values in, values out.
"""
