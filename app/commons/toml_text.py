"""Writing TOML: one canonical text of plain data, which `tomllib` reads back as the same data."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

LINE = 100
"""Lists that are longer than so many characters stand on lines of their own."""


def toml_text(data: Mapping[str, Any]) -> str:
    """Return *data* as TOML, in its own order: values first, then tables. What is None is left out.

    Args:
        data: texts, whole numbers, numbers, truth values, lists of these, mappings and lists of mappings.

    Raises:
        TypeError: for anything else.
    """
    return "\n".join(_table(data, ())).strip() + "\n"


def quoted(text: str) -> str:
    """Return *text* as a basic string of TOML, on one line."""
    return '"' + _escaped(text) + '"'


def _table(data: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    given = {name: value for name, value in data.items() if value is not None}
    for name, value in given.items():
        if not _is_table(value):
            yield f"{_key(name)} = {_value(value)}"
    for name, value in given.items():
        if not _is_table(value):
            continue
        header = ".".join(_key(part) for part in (*path, name))
        several = not isinstance(value, Mapping)
        for table in value if several else (value,):
            only_tables = bool(table) and all(_is_table(item) for item in table.values() if item is not None)
            if several or not only_tables:
                yield ""
                yield f"[[{header}]]" if several else f"[{header}]"
            yield from _table(table, (*path, name))


def _is_table(value: Any) -> bool:
    if isinstance(value, Mapping):
        return True
    return _is_list(value) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        # A text of several lines stands as it is; its first line break after the quotes is no part of it.
        return f'"""\n{_escaped(value, keep=chr(10))}"""' if "\n" in value else quoted(value)
    if _is_list(value):
        items = [_value(item) for item in value]
        line = f"[{', '.join(items)}]"
        if len(line) <= LINE or len(items) == 1:
            return line
        return "[\n" + "".join(f"    {item},\n" for item in items) + "]"
    raise TypeError(f"TOML has no {type(value).__name__}")


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if bare else quoted(name)


def _escaped(text: str, keep: str = "") -> str:
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return "".join(char if char in keep or char.isprintable() else f"\\U{ord(char):08x}" for char in plain)
