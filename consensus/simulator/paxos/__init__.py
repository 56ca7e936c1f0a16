"""Groups of `PaxosNode`s in one thread, under one seed, with everything that can go wrong going wrong.

* `machine`     one node: its disk, its clock, its crashes at any step
* `network`     loses, doubles, delays, reorders and cuts
* `cluster`     the group, its time, its faults, its changing membership
* `workload`    clients that change, read, delete and retry, on all nodes at once
* `checkers`    what must hold at every step: agreement, validity, promises, exactly once
* `history`     what clients saw of one register: is it linearizable?
* `explore`     every interleaving of single-decree Paxos, within a bound

``python -m consensus.simulator.paxos --seed N --steps M`` replays a run exactly.
"""
