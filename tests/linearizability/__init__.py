"""Is the real thing linearizable? Record what clients saw while parts fail, then decide.

`history` is the record, `model` what a sequential service would do, `checker` the search, `shrink` cuts a failure down,
`orders` checks revisions and stale reads, `verify` asks all of them. `python -m tests.linearizability` runs the lot
against a group of real processes.
"""
