"""The Raft algorithm, pure: messages and time go in, messages and things to persist come out.

Room by room (P: Ongaro and Ousterhout, extended version; T: Ongaro's thesis):

* `messages`     what nodes say to each other and keep on disk
* `log`          the log: term runs for matching (P 5.3), a bounded tail in memory, a base where it was compacted (P 7)
* `state`        everything one node knows, and what it wants done
* `quorum`       who makes a majority, of old and new voters while they change
* `membership`   who belongs to the group, entry by entry (P 6)
* `membership_change`  joint consensus and learners (P 6; T 4)
* `progress`     what a leader knows of one follower (P 5.3, T 10.2.1)
* `election`     terms, votes, pre-votes, stepping down (P 5.2, 5.4.1; T 6.2, 9.6)
* `replication`  appending, matching, committing (P 5.3, 5.4.2)
* `read_index`   linearizable reads without log entries (T 6.4), by lease where that is wanted
* `transfer`     handing leadership over (T 3.10)
* `node`         `RaftNode`, the one public object; its docstring is the contract with the caller

Nothing here knows a clock, a socket, a thread or a framework: time and randomness are handed in.
"""
