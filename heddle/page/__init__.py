"""The web page: what the control plane knows, for people. Read-only, and without a build step.

The modules named for a view are values in, values out: what is known now -> what a template shows.
`templates/` and `static/` are the rest; nothing is fetched from elsewhere.
"""
