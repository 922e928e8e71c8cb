from attnscope import __version__

project = "attnscope"
author = "the attnscope authors"
copyright = "2026, the attnscope authors"
version = release = __version__
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "attnscope"
html_static_path: list[str] = []
