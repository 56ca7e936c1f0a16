"""Writers that go on whatever happens, and remember what they were told."""

import threading

import httpx

from tests.support.group import RealGroup


class Load:
    """``threads`` connections to ``node``; every write has a key of its own."""

    def __init__(self, group: RealGroup, node: str, name: str, threads: int = 3):
        self._group = group
        self._node = node
        self._name = name
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self.acknowledged: dict[str, int] = {}
        self.unknown: list[str] = []
        self.refused: list[str] = []
        self._threads = [threading.Thread(target=self._run, args=(i,)) for i in range(threads)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        token = self._group.credentials["token"]
        base = f"{self._group.url(self._node)}/api/v1/namespaces/storefront/entries"
        count = 0
        with httpx.Client(timeout=15, headers={"Authorization": f"Bearer {token}"}) as http:
            while not self._stopping.is_set():
                key = f"load/{self._name}/{number}/{count}"
                count += 1
                try:
                    answer = http.put(f"{base}/{key}", json={"value": count})
                except httpx.HTTPError:
                    self.unknown.append(key)
                    continue
                with self._lock:
                    self._note(key, answer)

    def _note(self, key: str, answer: httpx.Response) -> None:
        if answer.status_code == 201:
            self.acknowledged[key] = answer.json()["revision"]
        elif answer.status_code == 503:
            self.refused.append(key)
        else:
            assert answer.status_code == 504, answer.text
            self.unknown.append(key)
