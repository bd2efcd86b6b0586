"""End to end: real Envoys, real requests, and what the servers received.

One file a behaviour. The same tests run on this machine (`local`, in both of the local runner's
modes) and in a cluster (`cluster`).
"""
