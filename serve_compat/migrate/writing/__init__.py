"""Changes to a file's code: edits, imports, arguments, TODOs, and what is cleaned up behind them."""
