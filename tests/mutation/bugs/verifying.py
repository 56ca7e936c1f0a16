"""Mistakes about tables that differ from the others'."""

from tests.mutation.planting import DRIVER, UPKEEP, VERIFICATION, mutant

BUGS = (
    mutant(
        "digests of different indexes compared",
        "sound nodes take themselves out of service",
        "divergence",
        VERIFICATION,
        "if (found := known.get(own.index)) is not None",
        "if (found := known.get(max(known))) is not None",
    ),
    mutant(
        "a minority decides who is right",
        "sound nodes take themselves out of service",
        "divergence",
        VERIFICATION,
        "if self._is_majority(nodes)), None)",
        "if nodes), None)",
    ),
    mutant(
        "nodes of other migrations compared",
        "an upgrade takes nodes out of service",
        "divergence",
        VERIFICATION,
        " and found.layout == own.layout",
        "",
    ),
    mutant(
        "a diverged node goes on serving",
        "clients read what nobody wrote",
        "divergence",
        DRIVER,
        "case _ if diverged := self.upkeep.verification.diverged:",
        'case _ if diverged := "":',
    ),
    mutant(
        "a diverged node goes on leading",
        "its tables are handed to those that catch up",
        "divergence",
        DRIVER,
        "fit=not self.upkeep.halted",
        "fit=True",
    ),
    mutant(
        "divergence forgotten by a restart",
        "a node serves again with the tables that it should not serve",
        "divergence",
        UPKEEP,
        "lambda: node.membership.everybody, diverged",
        'lambda: node.membership.everybody, ""',
    ),
    mutant(
        "a diverged node goes on applying",
        "what it answers is made of rows that differ",
        "divergence",
        UPKEEP,
        "            self.verification.diverged = diverged\n            self._halt(diverged)",
        "            self.verification.diverged = diverged",
    ),
    mutant(
        "rebuilding does not lift the mark",
        "a node that is well again never serves",
        "divergence",
        UPKEEP,
        "        self.verification.replaced()\n",
        "",
    ),
)
