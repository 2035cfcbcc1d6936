"""`python -m serve_compat` is the command `serve-compat`."""

from serve_compat.cli import main

main(prog_name="serve-compat")
