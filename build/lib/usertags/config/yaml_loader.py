"""PyYAML's C loader with the resolvers of YAML 1.2: its core schema, and dates as well."""

import re
from typing import Any

import yaml

# Deeper than any configuration; the C loader recurses without a bound of its own.
MOST_NESTED = 200

_TAG = "tag:yaml.org,2002:"
_DIGITS = "0123456789"
# What a plain word is, by the first of these that it fits (YAML 1.2, section 10.3.2), and how it may begin.
_CORE = {
    "null": (r"null|Null|NULL|~|", ["n", "N", "~", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", [*"-+", *_DIGITS]),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        [*"-+.", *_DIGITS],
    ),
}


class YamlLoader(yaml.CSafeLoader):
    """Nodes have their marks. Raises RecursionError for what is nested more than MOST_NESTED deep."""

    _nested = 0

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        self._nested += 1
        if self._nested > MOST_NESTED:
            raise RecursionError

    def ascend_resolver(self) -> None:
        self._nested -= 1


def _whole_number(loader: YamlLoader, node: yaml.ScalarNode) -> int:
    """010 is ten."""
    text = str(loader.construct_scalar(node))
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


# Of the resolvers of YAML 1.1 those of dates are kept.
YamlLoader.yaml_implicit_resolvers = {
    first: [item for item in found if item[0] == f"{_TAG}timestamp"]
    for first, found in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
for _name, (_pattern, _first) in _CORE.items():
    YamlLoader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(f"(?:{_pattern})$"), _first)
YamlLoader.add_constructor(f"{_TAG}int", _whole_number)
