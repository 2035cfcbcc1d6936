"""How the guide becomes a site: `make guide`."""

project = "serve-compat migration guide"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "From old Ray Serve to today's"
exclude_patterns = ["_build"]
myst_heading_anchors = 3
smartquotes = False  # options such as --no-pin stay as they are typed
