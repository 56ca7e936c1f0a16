"""Change sets: edits put together, looked at by a second person, published at once.

`proposing` brings an edit into one, `pages` shows one with all that would change and takes it from step to step,
`change_set_admin` lists them.
"""
