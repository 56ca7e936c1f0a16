"""One run of a seed, and what to say when it fails."""

from dataclasses import dataclass

from consensus.simulator.cluster import Cluster
from consensus.simulator.profiles import PROFILES, plan


@dataclass(frozen=True, slots=True)
class Run:
    """What decides everything that happens."""

    seed: int
    steps: int
    nodes: int
    profile: str

    @classmethod
    def of(cls, seed: int, steps: int, nodes: int | None = None, profile: str | None = None) -> "Run":
        """The run that ``seed`` stands for; ``nodes`` and ``profile`` override its own choice."""
        planned_profile, planned_nodes = plan(seed)
        return cls(seed, steps, nodes or planned_nodes, profile or planned_profile)

    @property
    def command(self) -> str:
        return (
            f"python -m consensus.simulator --seed {self.seed} --steps {self.steps} --nodes {self.nodes} "
            f"--profile {self.profile}"
        )


@dataclass(frozen=True, slots=True)
class Result:
    """``failure`` is "" when every invariant held; else what broke, how to replay it, and what led there."""

    run: Run
    steps: int
    committed: int
    reads: int
    digest: str
    failure: str = ""


def execute(run: Run) -> Result:
    cluster = Cluster(run.seed, run.nodes, PROFILES[run.profile])
    failure = ""
    try:
        cluster.run(run.steps)
    except Exception as error:
        failure = _report(run, cluster, error)
    return Result(
        run, cluster.steps, len(cluster.checkers.committed), cluster.workload.reads, cluster.digest(), failure
    )


def _report(run: Run, cluster: Cluster, error: Exception) -> str:
    """Any exception counts: a node that meets one it does not expect has broken down."""
    states = []
    for machine in cluster.machines.values():
        node = machine.driver.node if machine.driver is not None else None
        state = f"{node.role}, term {node.term}, commit {node.commit_index}, " if node else "down, "
        durable = machine.disk.hard_state
        states.append(
            f"  {machine.name}: {state}applied {machine.tables.applied_index()}; durable: term {durable.term}, "
            f"vote {durable.vote or 'none'}, {len(machine.disk.entries)} entries"
        )
    lines = [
        f"{type(error).__name__}: {error}",
        f"replay: {run.command}",
        f"after {cluster.steps} steps, at {cluster.agenda.now_ms:.1f} ms; committed: {len(cluster.checkers.committed)}",
        *states,
        "the last that happened (milliseconds):",
        *cluster.trace.lines(),
    ]
    return "\n".join(lines)
