"""Floors, and what an idle node costs."""

import time

import psutil
import psycopg
import redis

from bench.measure import budget, timed
from config_service.localgroup import processes
from config_service.localgroup.parts import DATABASE, PARTS, postgres, redis_url
from tests.support.group import RealGroup


def floors(group: RealGroup) -> None:
    print("Floors, on the leader's own servers")
    node = group.layout.nodes[group.leader()]
    url = postgres.url(node.postgres_port, group.layout.secrets["postgres"], DATABASE)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS bench_floor")
        connection.execute("CREATE TABLE bench_floor (n bigint)")
        commit = timed(lambda: connection.execute("INSERT INTO bench_floor VALUES (1)"), 500)
        print(f"  one durable Postgres commit         {commit}")
        connection.execute("DROP TABLE bench_floor")
    with redis.Redis.from_url(redis_url(group.layout, node)) as client:
        print(f"  one Redis round trip                {timed(client.ping, 2000)}\n", flush=True)


def members(group: RealGroup) -> dict[tuple[str, str], list[psutil.Process]]:
    found = {}
    for name, node in group.layout.nodes.items():
        for part in PARTS:
            process = processes.find(node.pid_file(part))
            found[name, part] = processes.tree(process) if process else []
    return found


def idle(group: RealGroup, seconds: float = 10) -> None:
    """Memory as proportional set size, which counts shared pages once; processor time over ``seconds``."""
    print(f"An idle group over {seconds:.0f} s")
    trees = members(group)

    def spent() -> dict[tuple[str, str], float]:
        return {key: sum(sum(one.cpu_times()[:2]) for one in tree) for key, tree in trees.items()}

    before = spent()
    time.sleep(seconds)
    after = spent()
    memory = {key: sum(one.memory_full_info().pss for one in tree) / 2**20 for key, tree in trees.items()}
    for name in group.nodes:
        cpu = {part: 100 * (after[name, part] - before[name, part]) / seconds for part in PARTS}
        mib = memory[name, "web"] + memory[name, "worker"]
        print(f"  {name}: web and worker {mib:.0f} MiB; processor {sum(cpu.values()):.1f} % of a core ({_parts(cpu)})")
        budget("web and worker under 250 MiB", mib < 250)
        budget("under 15 % of a core", sum(cpu.values()) < 15)
    print(flush=True)


def _parts(cpu: dict[str, float]) -> str:
    return ", ".join(f"{part} {percent:.1f}" for part, percent in cpu.items())
