"""What is wrong with the configuration of a mesh, as messages that say where and what to do. Pure.

One engine for the command line, admission and status; one file per kind of finding.
"""
