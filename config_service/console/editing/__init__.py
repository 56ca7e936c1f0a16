"""Finding, editing, comparing and reverting entries.

A person's typing is a `draft.Draft`. It goes from the form (`form`) to a preview against exactly one base revision
(`preview`) to a proposal; where somebody was faster, `conflict` sets three versions side by side. `pages` leads from
one to the next and `resume` keeps what was typed over the end of a session. `history_pages` looks back, `bulk_pages`
does one thing to many entries, `listing` finds them.
"""
