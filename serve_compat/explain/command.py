"""The verb `explain`."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import click

from serve_compat.explain.entry import Entry
from serve_compat.explain.tables import TABLES, close, find
from serve_compat.migrate.rule import Rule
from serve_compat.migrate.rules import RULES
from serve_compat.names.history import Name

_INDENT = 2
_LABEL = 14
_WIDTH = 110


@click.command()
@click.argument("name", required=False)
@click.option("--list", "as_list", is_flag=True, help="List every name that can be explained.")
@click.pass_context
def explain(context: click.Context, name: str | None, as_list: bool) -> None:
    """Say what became of NAME, a name of any old Ray Serve, or a rule of the migration such as SC101.

    NAME may be written as in a program: create_backend, serve.set_traffic, client.get_handle, Deployment.deploy,
    max_concurrent_queries, request.args. Exit status: 0 explained, 1 not known.
    """
    if as_list:
        click.echo(
            "\n\n".join(
                f"{title}\n{_filled(', '.join(each.name for each in table), _INDENT)}"
                for title, table in TABLES.items()
            )
        )
        return
    if name is None:
        raise click.UsageError("which name? `serve-compat explain --list` shows all.")
    text = explanation(name)
    if text is None:
        near = close(name)
        hint = f" Did you mean {' or '.join(near)}?" if near else " `serve-compat explain --list` shows all names."
        click.echo(f"No Ray Serve is known to have {name!r}.{hint}", err=True)
        context.exit(1)
    click.echo(text)


def explanation(name: str) -> str | None:
    """The text for a name or a rule; None when it is not known."""
    rule = RULES.get(name.strip().upper())
    if rule is not None:
        return _rule(rule)
    entries, others = find(name)
    if not entries and not others:
        return None
    return "\n\n".join([*map(_entry, entries), *map(_other, others)])


def _entry(entry: Entry) -> str:
    rows = [
        ("here", entry.here),
        ("for example", entry.before),
        ("deployments", entry.deployment),
        ("stock Ray", entry.stock),
        ("differs", entry.differs),
        *(("" if number else "rules", f"{id_} {RULES[id_].title}") for number, id_ in enumerate(entry.rules)),
    ]
    return _block(f"{entry.name} ({releases(entry.first, entry.last)})", rows)


def _other(name: Name) -> str:
    spelt = name.name if name.name[0].isupper() and "." in name.name else f"serve.{name.name}"
    if not name.first:
        return _block(f"{spelt}: no Ray ever had it", [("here", name.instead)])
    return _block(f"{spelt} ({releases(name.first, name.last)}): no part of serve_compat", [("here", name.instead)])


def _rule(rule: Rule) -> str:
    kind = ("rewrites" if rule.automatic else "tells about it only") + ("" if rule.safe else ", only with --unsafe")
    rows = [("what", f"{rule.title} ({kind})"), ("stage", rule.stage), ("why", rule.why), ("differs", rule.differs)]
    return _block(rule.id, rows)


def releases(first: str, last: str) -> str:
    """ "Ray 0.8 to 1.7", "Ray 1.3 on"."""
    if not last:
        return f"Ray {first} on"
    return f"Ray {first}" if first == last else f"Ray {first} to {last}"


def _block(title: str, rows: Sequence[tuple[str, str]]) -> str:
    lines = [title]
    for label, text in rows:
        if text:
            body = _filled(text, _INDENT + _LABEL)
            lines.append(" " * _INDENT + label.ljust(_LABEL) + body[_INDENT + _LABEL :])
    return "\n".join(lines)


def _filled(text: str, indent: int) -> str:
    hanging = " " * indent
    return textwrap.fill(text, _WIDTH, initial_indent=hanging, subsequent_indent=hanging, break_on_hyphens=False)
