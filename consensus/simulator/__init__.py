"""Whole groups in one thread, under one seed, with everything that can go wrong going wrong.

Nodes run the production `consensus.driver`; what stands around it is simulated:

* `disk`      term, vote and log; a crash loses what was not saved, or comes right after it was
* `tables`    the replicated tables; a crash may lose the last applied batches, as asynchronous commits can
* `network`   loses, doubles, delays, reorders and cuts, also in one direction only
* `machine`   one node: its clock, its ticks, its crashes
* `cluster`   the group, its time, its faults
* `workload`  clients that write, retry and read, and check what they are told
* `checkers`  what must hold at every step

``python -m consensus.simulator --seed N`` replays a run exactly.
"""
