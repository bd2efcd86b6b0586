"""Plain values (as JSON has them) as YAML."""

import yaml

WIDE = 100
"""Columns."""


class PlainDumper(yaml.CSafeDumper):
    """Of plain values only."""

    def ignore_aliases(self, data: object) -> bool:
        """No anchors: each value is shown whole."""
        return True


def plain_yaml(value: object) -> str:
    """YAML, fields in their own order."""
    return yaml.dump(value, Dumper=PlainDumper, sort_keys=False, width=WIDE, allow_unicode=True)
