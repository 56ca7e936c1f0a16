"""Paxos, pure: messages and time go in, messages and things to persist come out. No leader, no log.

Room by room (S: Lamport, "Paxos Made Simple"; C: Rystsov, "CASPaxos"). Every register is decided on its own:

* `ballot`      numbers that two proposers never share, and one proposer never uses twice
* `messages`    what nodes say to each other and keep on disk
* `quorum`      membership, and who makes a majority, in a joint change as well
* `acceptor`    promising and accepting (S 2.2), for all registers of a node
* `proposer`    one ballot, from the question to the chosen value (S 2.2)
* `register`    what is agreed on: decrees and registers (C 2.2), with the request ids that were applied
* `work`        what can be asked, and how requests fold into one value
* `rounds`      ballot after ballot on one register: back-off, the one-round-trip path, erasing (C 2.2.1, 3.1)
* `inquiries`   linearizable reads without a ballot, lists of names
* `learner`     what was chosen, and telling everybody (S 2.3)
* `state`       everything one node knows, and what it wants done
* `node`        `PaxosNode`, the one public object; its docstring is the contract with the caller

Nothing here knows a clock, a socket, a thread or a framework: time and randomness are handed in.
"""
