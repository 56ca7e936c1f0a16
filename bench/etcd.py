"""Three etcd nodes on loopback, for comparison, where the program is installed (Debian: etcd-server)."""

import base64
import contextlib
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request

import psutil

from config_service.localgroup.layout import HOST, free_ports


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Etcd:
    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="bench-etcd-")
        ports = free_ports(6)
        self.client_ports = dict(zip("abc", ports[:3], strict=True))
        self._peers = {name: f"http://{HOST}:{port}" for name, port in zip("abc", ports[3:], strict=True)}
        self._processes: dict[str, subprocess.Popen] = {}

    def start(self) -> None:
        for name in self.client_ports:
            self.start_node(name)
        self.leader()

    def start_node(self, name: str) -> None:
        url = f"http://{HOST}:{self.client_ports[name]}"
        options = {
            "name": name,
            "data-dir": f"{self._folder}/{name}",
            "listen-client-urls": url,
            "advertise-client-urls": url,
            "listen-peer-urls": self._peers[name],
            "initial-advertise-peer-urls": self._peers[name],
            "initial-cluster": ",".join(f"{peer}={url}" for peer, url in self._peers.items()),
            "log-level": "error",
        }
        argv = ["etcd", *(f"--{option}={value}" for option, value in options.items())]
        self._processes[name] = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def processes(self) -> list[psutil.Process]:
        return [psutil.Process(process.pid) for process in self._processes.values()]

    def kill(self, name: str) -> None:
        self._processes[name].kill()
        self._processes[name].wait()

    def call(self, name: str, path: str, body: dict, timeout_s: float = 5) -> dict:
        url = f"http://{HOST}:{self.client_ports[name]}{path}"
        with urllib.request.urlopen(url, json.dumps(body).encode(), timeout=timeout_s) as answer:
            return json.load(answer)

    def put(self, name: str, key: str, value: str, timeout_s: float = 5) -> None:
        self.call(name, "/v3/kv/put", {"key": encode(key), "value": encode(value)}, timeout_s)

    def leader(self) -> str:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for name in self.client_ports:
                with contextlib.suppress(OSError, KeyError):
                    status = self.call(name, "/v3/maintenance/status", {}, 1)
                    if status["leader"] == status["header"]["member_id"]:
                        return name
            time.sleep(0.05)
        raise RuntimeError("etcd has no leader")

    def stop(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def start_if_installed() -> Etcd | None:
    if shutil.which("etcd") is None:
        print("etcd is not installed (Debian: etcd-server): no comparison\n")
        return None
    etcd = Etcd()
    try:
        etcd.start()
    except BaseException:
        etcd.stop()
        raise
    return etcd
