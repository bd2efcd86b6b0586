"""All analyzers, in the order in which they run. Of two that say the same of the same field, the
first one is told.
"""

from analysis.analyzer import Analyzer
from analysis.checks.injection_labels import INJECTION_LABELS

ANALYZERS: tuple[Analyzer, ...] = (INJECTION_LABELS,)
