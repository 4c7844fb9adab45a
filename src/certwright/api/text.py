"""Answers as YAML, for people who read and programs that do not care."""

from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Writes shared parts out each time: anchors are not for people."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # the signature is the library's
        return True


def to_yaml(document: Any) -> str:
    """Write plain values (dicts, lists, texts, numbers) as one YAML document, keys in order."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)
    return text
