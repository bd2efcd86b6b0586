"""The analyzers, one file for each kind of finding. Each exports one `Analyzer`; the list of all is
in `analysis/analyzers.py`.
"""
