"""jsrun and mini-racer, timed inside of Python, by the same protocol as the other contenders.

contender.py NAME WORK_FILE: requests and replies are lines of JSON on standard input and output; see
bench/protocol.ts. What a contender can't do is a failure with that reason.
"""

import json
import statistics
import sys
import time
from pathlib import Path

MOST_SESSIONS_A_TURN = 20


def now():
    return time.perf_counter() * 1e3


class Missing(Exception):
    """It is not installed."""


class JsrunSession:
    def __init__(self, jsrun, config, code):
        self.runtime = jsrun.Runtime(config)
        if code is not None:
            self.runtime.eval(f"{code}\n;0")
        self.functions = {}

    def eval(self, script):
        return self.runtime.eval(script)

    def bind(self, name):
        return self.runtime.eval(name)

    def close(self):
        self.runtime.close()


class Jsrun:
    def __init__(self, work, own_snapshot):
        try:
            import jsrun
        except ImportError as error:
            raise Missing(str(error)) from error
        self.jsrun = jsrun
        self.code = source_of(work)
        self.work = work
        self.limits = {"max_heap_size": work["memoryLimitMb"] << 20, "max_serialization_bytes": 1 << 30}
        self.snapshot = self.make_snapshot() if own_snapshot else None
        self.version = f"jsrun {version_of('jsrun')}, Python {sys.version.split()[0]}"

    def make_snapshot(self):
        builder = self.jsrun.SnapshotBuilder()
        if self.code is not None:
            builder.execute_script("bundle.js", self.code)
        return builder.build()

    def open(self):
        if self.snapshot is None:
            return JsrunSession(self.jsrun, self.jsrun.RuntimeConfig(**self.limits), self.code)
        return JsrunSession(self.jsrun, self.jsrun.RuntimeConfig(snapshot=self.snapshot, **self.limits), None)

    def build(self):
        if self.snapshot is None:
            raise RuntimeError("it has nothing to build")
        return len(self.make_snapshot())


class MiniRacerSession:
    def __init__(self, py_mini_racer, code, limit):
        self.context = py_mini_racer.MiniRacer()
        self.context.set_hard_memory_limit(limit)
        if code is not None:
            self.context.eval(f"{code}\n;0")

    def eval(self, script):
        return self.context.eval(script)

    def bind(self, name):
        # A value crosses as JSON; so it does in its own `call`.
        function = self.context.eval(f"(text) => JSON.stringify({name}(text === undefined ? undefined : JSON.parse(text)))")

        def call(*args):
            return json.loads(function(*[json.dumps(arg) for arg in args]))

        return call

    def close(self):
        self.context.close()


class MiniRacer:
    def __init__(self, work):
        try:
            import py_mini_racer
        except ImportError as error:
            raise Missing(str(error)) from error
        self.py_mini_racer = py_mini_racer
        self.code = source_of(work)
        self.limit = work["memoryLimitMb"] << 20
        session = self.open()
        engine = session.context.v8_version
        session.close()
        self.version = f"mini-racer {version_of('mini-racer')}, V8 {engine}, Python {sys.version.split()[0]}"

    def open(self):
        return MiniRacerSession(self.py_mini_racer, self.code, self.limit)

    def build(self):
        raise RuntimeError("it has nothing to build")


def source_of(work):
    return Path(work["bundleFile"]).read_text(encoding="utf-8") if "bundleFile" in work else None


def version_of(package):
    from importlib.metadata import version

    return version(package)


def check(actual, expected):
    if actual != expected:
        raise RuntimeError(f"wrong answer: {str(actual)[:100]}, expected {str(expected)[:100]}")


def first(contender, work, request):
    samples, opened = [], []
    begun = now()
    for count in range(MOST_SESSIONS_A_TURN + 1):
        ready = None
        if request.get("held"):
            ready = contender.open()
            ready.eval("1")
        started = now()
        session = ready or contender.open()
        there = now()
        answer = session.eval(work["call"])
        ended = now()
        check(answer, work["expected"])
        session.close()
        if count == 0:
            continue
        samples.append(ended - started)
        opened.append(there - started)
        if count >= 2 and now() - begun > request["budgetMs"]:
            break
    calls = [sample - open_ms for sample, open_ms in zip(samples, opened)]
    return {"samples": samples, "figures": {"openMs": statistics.median(opened), "callMs": statistics.median(calls)}}


def call(contender, work, request):
    if request["atOnce"] != 1:
        raise RuntimeError("it makes one call at a time")
    size = request["size"]
    session = contender.open()
    session.eval("var visits = 0; globalThis.visit = () => ++visits; globalThis.echo = (value) => value; 0")
    bound = session.bind("echo" if size else "visit")
    arguments = [records(size)] if size else []

    def during(budget_ms):
        cpu, started, count = time.thread_time(), now(), 0
        while count == 0 or now() - started < budget_ms:
            bound(*arguments)
            count += 1
        return count, now() - started, (time.thread_time() - cpu) * 1e3

    warm, _, _ = during(request["budgetMs"] / 10)
    count, ms, cpu_ms = during(request["budgetMs"])
    check(bound(*arguments), arguments[0] if size else warm + count + 1)
    session.close()
    return {"samples": [ms * 1e3 / count], "figures": {"hostCpuUs": cpu_ms * 1e3 / count}}


def records(size):
    """A list whose JSON is about so many bytes; the same as that of bench/tasks.ts."""

    def record(id):
        price = id * 1.25
        return {"id": id, "name": f"record {id}", "tags": ["small", "blue"], "price": int(price) if price.is_integer() else price}

    length = len(json.dumps(record(size // 100), separators=(",", ":"))) + 1
    return [record(id) for id in range(max(1, round(size / length)))]


def throughput(contender, work, request):
    if request["atOnce"] != 1:
        raise RuntimeError("it makes one session at a time")
    done, started = 0, now()
    while now() - started < request["ms"]:
        session = contender.open()
        check(session.eval(work["call"]), work["expected"])
        session.close()
        done += 1
    return {"samples": [done / (now() - started) * 1e3]}


def memory(contender, work, request):
    sessions, census, create_ms = [], [], []
    for count in request["counts"]:
        while len(sessions) < count:
            started = now()
            session = contender.open()
            check(session.eval(work["call"]), work["expected"])
            create_ms.append(now() - started)
            sessions.append(session)
        census.append({"sessions": count, "createMs": statistics.median(create_ms), **counts_of_process()})
        create_ms = []
    for session in sessions:
        session.close()

    def kib(most):
        rows = [row for row in census if row["sessions"] <= most]
        return statistics.linear_regression([row["sessions"] for row in rows], [row["pssMb"] * 1024 for row in rows]).slope

    return {"samples": [kib(float("inf"))], "figures": {"kibToThousand": kib(1000)}, "census": census}


def counts_of_process():
    def field(file, name):
        for line in Path(file).read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
        raise RuntimeError(f"{file} has no {name}")

    return {
        "pssMb": field("/proc/self/smaps_rollup", "Pss") / 1024,
        "virtualGb": field("/proc/self/status", "VmSize") / 2**20,
        "mappings": len(Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()),
        "threads": len(list(Path("/proc/self/task").iterdir())),
        "files": len(list(Path("/proc/self/fd").iterdir())),
    }


def build(contender, work, request):
    started = now()
    size = contender.build()
    return {"samples": [now() - started], "figures": {"mib": size / 2**20}}


def jit(contender, work, request):
    session = contender.open()
    samples = []
    for run in range(-2, 3):
        started = now()
        answer = session.eval(work["call"])
        if run >= 0:
            samples.append(now() - started)
        check(answer, work["expected"])
    session.close()
    return {"samples": samples}


TASKS = {"first": first, "call": call, "throughput": throughput, "memory": memory, "build": build, "jit": jit}

CONTENDERS = {
    "jsrun": lambda work: Jsrun(work, False),
    "jsrun-snapshot": lambda work: Jsrun(work, True),
    "mini-racer": MiniRacer,
}


def reply(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main():
    name, work_file = sys.argv[1:]
    try:
        work = json.loads(Path(work_file).read_text(encoding="utf-8"))
        contender = CONTENDERS[name](work)
        reply({"kind": "ready", "version": contender.version})
        for line in sys.stdin:
            request = json.loads(line)
            task = TASKS.get(request["task"])
            if task is None:
                raise RuntimeError(f"it takes no part in {request['task']}")
            reply({"kind": "turn", "turn": task(contender, work, request)})
    except Missing as error:
        reply({"kind": "missing", "reason": f"{error}; `npm run bench:install` installs it"})
    except Exception as error:  # Every failure is a reply.
        reply({"kind": "failed", "reason": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
