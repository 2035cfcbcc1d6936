"""Rules of the compat stage, and of all stages: files, imports, names that are no names."""

from __future__ import annotations

from serve_compat.migrate.rules.rule import Rule

COMPAT_RULES = (
    Rule(
        "SC001",
        "the import of ray.serve becomes one of serve_compat",
        "compat",
        "serve_compat offers every name of every generation of ray.serve, so that nothing else has to change.",
    ),
    Rule(
        "SC002",
        "`ray.serve.x` without an import of its own becomes serve_compat",
        "compat",
        "`import ray` alone brings today's ray.serve, which lacks the old names.",
    ),
    Rule(
        "SC003",
        "a name that no Ray ever had",
        "compat",
        "The call never worked on any release of Ray, so there is nothing that a rewrite could keep.",
        automatic=False,
    ),
    Rule(
        "SC004",
        "code that chooses between releases by itself is left alone",
        "compat",
        "Both branches of such a guard were written on purpose; rewriting one of them would break the choice.",
        automatic=False,
    ),
    Rule(
        "SC005",
        "old Serve code in a comment is left alone",
        "compat",
        "It does not run; but whoever brings it back to life meets an API that is gone.",
        automatic=False,
    ),
    Rule(
        "SC006",
        "`from ray.serve import *` becomes one of serve_compat, and no more",
        "compat",
        "Which names come from it cannot be told without importing it.",
        automatic=False,
    ),
    Rule(
        "SC007",
        "a pin of an old Ray in requirements, pyproject.toml, Dockerfile, setup or conda files",
        "compat",
        "The migrated program needs today's Ray; the pin would bring the old one back.",
        automatic=False,
    ),
    Rule(
        "SC008",
        "ray.serve is reached by a text, or by a name that only run time knows",
        "compat",
        "Patches of tests and imports by name cannot be followed; they would go to another module than the program.",
        automatic=False,
    ),
    Rule(
        "SC009",
        "an old name is left in the result",
        "compat",
        "No rule of the stages rewrote it, and today's Ray does not have it; it needs serve_compat or a hand.",
        automatic=False,
    ),
    Rule(
        "SC010",
        "files that share deployments or handles stay together",
        "compat",
        "Objects of serve_compat and of stock Ray Serve do not mix in one program.",
        automatic=False,
    ),
    Rule(
        "SC011",
        "what a comment or the command line protects is left alone",
        "compat",
        "A stage rewrites a file as a whole, so that one protected line or one deselected rule keeps it as it is.",
        automatic=False,
    ),
    Rule(
        "SC012",
        "a program for a fork of Ray Serve is left alone",
        "compat",
        "It uses names that only the fork has, so that it never ran on Ray itself.",
        automatic=False,
    ),
)
