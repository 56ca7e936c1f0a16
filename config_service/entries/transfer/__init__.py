"""A namespace as a file, and back: JSON, YAML, TOML, ``.env`` and Java properties. Pure: texts in, documents out.

A file is *marked* where it says ``$format``: then it tells of each entry all that an export knows, its type too, and
reading it loses nothing. An unmarked file is anybody's: names and values, whose types are found out.
"""
