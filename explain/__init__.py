"""What a proxy's configuration does with a call, and which object decided each step. Pure.

It follows Envoy's documented rules over generated messages; real Envoys test it.
"""
