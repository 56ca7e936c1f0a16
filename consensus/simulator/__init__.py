"""Whole groups in one thread, under one seed, with everything that can go wrong going wrong.

Nodes run the production `consensus.driver`; what stands around it is simulated:

* `agenda`    what happens next, by time
* `power`     what a node's parts share: it can fail at any operation, and operations take time
* `disk`      term, vote and log; a crash loses what was not saved, or comes right after it was
* `tables`    the replicated tables; a crash may lose the last applied entries, as asynchronous commits can
* `images`    images of the tables, for nodes that need what is gone from the log
* `network`   loses, doubles, delays, reorders and cuts, also in one direction only, also between some pairs only
* `machine`   one node: its clock, its ticks, its turns, its crashes
* `profiles`  what goes wrong, how often, and how fast the group is meant to be; a seed picks one
* `faults`    the faults themselves
* `workload`  clients that write, retry and read, and check what they are told
* `ledger`    every entry that was ever written, and what is committed
* `checkers`  what must hold at every step, over the ledger
* `cluster`   the group, and the end of a run: when the faults stop, progress must follow
* `trace`     the last that happened
* `run`       one run of one seed, and what is said when it fails

A *step* is one event that one node handles: a message, a tick, a request, a crash, a start.
``python -m consensus.simulator --seed N`` replays a run exactly, in any process.
"""
