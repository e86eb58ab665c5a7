#!/usr/bin/env python3
"""Our broker beside others, in one run: the figures, the ratios, and whether the goals are met.

    bench/broker_bench.py build/release [--repeats 5] [--seconds 1.2] [--only 1,3] [--brokers wireway,null]

Each broker runs alone, fresh, with an empty folder for each figure, on core 0; the generator (`wireway bench mqtt`) on
core 1. Brokers take turns within a repeat; what is compared are medians. mosquitto, nats-server and flashmq (which has
to be built from its sources) are taken from PATH if they are there. EXTRA_BROKERS="name=host:port:pid[:tls port] name=..." adds brokers that run already (they
are not restarted, so memory, restart and kill are not asked of them); their TLS certificates are checked with the
authorities in the file EXTRA_CA. A broker named `flashmq` is judged by FlashMQ's goals.
"""
import argparse
import base64
import getpass
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

LISTENER = """apiVersion: mqttbroker.iotoperations.azure.com/v1
kind: Broker
metadata: {name: default, namespace: azure-iot-operations}
spec: %s
---
apiVersion: mqttbroker.iotoperations.azure.com/v1
kind: BrokerListener
metadata: {name: bench, namespace: azure-iot-operations}
spec: {brokerRef: default, ports: [{port: %d%s}]}
"""
OUR_TLS = ", tls: {mode: Manual, manual: {secretRef: tls}}"
SECRET = """---
apiVersion: v1
kind: Secret
metadata: {name: tls, namespace: azure-iot-operations}
data: {tls.crt: %s, tls.key: %s}
"""
MOSQUITTO = """user %s
listener %d 127.0.0.1
allow_anonymous true
max_queued_messages 0
persistence true
persistence_location %s/
log_dest none
"""
MOSQUITTO_TLS = """certfile %s
keyfile %s
"""
NATS = """listen: 127.0.0.1:%d
server_name: bench
jetstream: {store_dir: "%s"}
mqtt: {listen: "127.0.0.1:%d"}
"""


FLASHMQ = """log_file %s/flashmq.log
storage_dir %s
allow_anonymous true
max_qos_msg_pending_per_client 65535
%s
listen {
  port %d
  protocol mqtt
  inet_protocol ip4
  %s
}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(cores, command):
    return ["taskset", "-c", cores, *command] if cores else command


class Broker:
    """One that we start: `with Broker(...) as broker`."""

    managed = True
    durable = False  # what is asked of our own; the others keep sessions always
    busy = False  # does not sleep, if it can do that
    tls = False

    def __init__(self, name, command, versions=("3.1.1", "5"), qos_max=2, shared=True, **limits):
        self.name, self.command, self.can_tls = name, command, limits.get("tls", False)
        self.versions, self.qos_max, self.shared = versions, qos_max, shared
        self.host = "127.0.0.1"

    def start(self, cores, folder=None):
        self.cores = cores
        self.folder = folder or tempfile.mkdtemp(prefix="wireway-bench-")
        self.certificate, self.key = (os.path.join(self.folder, name) for name in ("tls.crt", "tls.key"))
        self.ca = self.certificate
        self.port = free_port()
        if self.tls:
            make_certificate(self.certificate, self.key)
        self.launch()
        return self

    def launch(self):
        log = open(os.path.join(self.folder, "log"), "a")
        self.process = subprocess.Popen(pinned(self.cores, self.command(self)), stdout=log, stderr=log)
        self.pid = self.process.pid
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection((self.host, self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    with open(os.path.join(self.folder, "log")) as lines:
                        raise SystemExit(f"{self.name} did not start:\n{lines.read()[-2000:]}")
                time.sleep(0.02)

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def stop(self):
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)


class Extra:
    """One that runs already."""

    managed = False
    versions, qos_max, shared = ("3.1.1", "5"), 2, True

    def __init__(self, word):
        self.name, address = word.split("=", 1)
        self.host, port, pid, *tls_port = address.split(":")
        self.plain_port, self.pid = int(port), int(pid)
        self.tls_port = int(tls_port[0]) if tls_port else None
        self.can_tls, self.tls, self.ca = self.tls_port is not None, False, os.environ.get("EXTRA_CA", "")

    def start(self, cores):
        self.port = self.tls_port if self.tls else self.plain_port
        return self

    def stop(self):
        pass


def make_certificate(certificate, key):
    """EC P-256, for localhost; its own authority."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)


def brokers(build):
    def write(broker, name, text):
        path = os.path.join(broker.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)
        return path

    def ours(broker):
        spec = "{persistence: {maxSize: 10Gi}}" if broker.durable else "{}"
        text = LISTENER % (spec, broker.port, OUR_TLS if broker.tls else "")
        if broker.tls:
            text += SECRET % tuple(base64.b64encode(open(name, "rb").read()).decode()
                                   for name in (broker.certificate, broker.key))
        path = write(broker, "manifests/broker.yaml", text)
        shards = ["--shards", "1"] if broker.cores == "0" else []
        busy = ["--busy-poll", "200"] if broker.busy else []
        return [f"{build}/wireway", "broker", "--resources", os.path.dirname(path), "--log-level", "warn",
                "--data", os.path.join(broker.folder, "data"), *shards, *busy]

    def mosquitto(broker):
        # As root it would give its rights up, and could not write the folder.
        text = MOSQUITTO % (getpass.getuser(), broker.port, broker.folder)
        if broker.tls:
            text += MOSQUITTO_TLS % (broker.certificate, broker.key)
        return ["mosquitto", "-c", write(broker, "mosquitto.conf", text)]

    def nats(broker):
        return ["nats-server", "-c",
                write(broker, "nats.conf", NATS % (free_port(), broker.folder, broker.port))]

    def flashmq(broker):
        tls = f"fullchain {broker.certificate}\n  privkey {broker.key}" if broker.tls else ""
        threads = "thread_count 1" if broker.cores == "0" else ""
        text = FLASHMQ % (broker.folder, broker.folder, threads, broker.port, tls)
        return ["flashmq", "--config-file", write(broker, "flashmq.conf", text)]

    found, skipped = [Broker("wireway", ours, tls=True)], []
    found.append(Broker("null", lambda broker: [f"{build}/null_broker", str(broker.port)] + ["spin"] * broker.busy,
                        versions=("3.1.1",), qos_max=1, shared=False))
    for name, command, limits in (
            ("mosquitto", mosquitto, {"tls": True}),
            ("nats-server", nats, {"versions": ("3.1.1",), "qos_max": 1, "shared": False}),
            ("flashmq", flashmq, {"tls": True})):
        if shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin"):
            found.append(Broker("nats" if name == "nats-server" else name, command, **limits))
        else:
            remedy = "build it and add its folder to PATH" if name == "flashmq" else f"apt-get install {name}"
            skipped.append(f"{name} is not installed: {remedy}")
    found += [Extra(word) for word in os.environ.get("EXTRA_BROKERS", "").split()]
    return found, skipped


class Measure:
    """A scenario and the figure that it gives. `lower` is better unless said."""

    def __init__(self, key, arguments, figure, **rules):
        self.key, self.arguments, self.figure = key, arguments.split(), figure
        self.qos = rules.get("qos", 0)
        self.cores = rules.get("cores", "0")
        self.shared = rules.get("shared", False)
        self.not_null = rules.get("not_null", False)
        self.managed = rules.get("managed", False)
        self.tls = rules.get("tls", False)
        self.busy = rules.get("busy", False)
        self.without = rules.get("without", "")

    def can(self, broker):
        if self.qos > broker.qos_max or (self.shared and not broker.shared):
            return False
        if broker.name == self.without:
            return False
        if (self.not_null and broker.name == "null") or (self.tls and not broker.can_tls):
            return False
        return broker.managed or not (self.managed or self.cores != "0")


CPU = "broker_us_per_message"
RATE = "messages_per_second"
MEASURES = [
    Measure("p2p0", "pairs --qos 0", CPU),
    Measure("p2p0-1k", "pairs --qos 0 --size 1024", CPU),
    Measure("p2p1", "pairs --qos 1", CPU, qos=1),
    Measure("p2p2", "pairs --qos 2", CPU, qos=2),
    Measure("out0", "fan-out --qos 0", CPU),
    Measure("out1", "fan-out --qos 1", CPU, qos=1),
    Measure("in0", "fan-in --qos 0", CPU),
    Measure("in1", "fan-in --qos 1", CPU, qos=1),
    Measure("shared", "shared --qos 1", CPU, qos=1, shared=True),
    Measure("wildcards", "wildcards --qos 0", CPU, not_null=True),
    Measure("2c-out0", "fan-out --qos 0", RATE, cores=""),
    Measure("1c-out0", "fan-out --qos 0", RATE),
    Measure("2c-p2p0", "pairs --qos 0", RATE, cores=""),
    Measure("1c-p2p0", "pairs --qos 0", RATE),
    Measure("2c-p2p1", "pairs --qos 1", RATE, qos=1, cores=""),
    Measure("1c-p2p1", "pairs --qos 1", RATE, qos=1),
    Measure("p50", "latency --qos 0", "latency_p50_us"),
    Measure("p50-busy", "latency --qos 0", "latency_p50_us", busy=True),
    Measure("p99", "latency --qos 1", "latency_p99_us", qos=1),
    Measure("20k-cpu", "latency --qos 0", CPU),
    Measure("durable", "durable", RATE, qos=1, not_null=True),
    Measure("kill", "offline", "lost", qos=1, not_null=True, managed=True),
    # nats-server takes minutes for so many durable consumers.
    Measure("restart", "offline", "back_seconds", qos=1, not_null=True, managed=True, without="nats"),
    Measure("idle", "idle", "broker_bytes_per_connection", managed=True),
    Measure("idle-sub", "idle --filters 1", "broker_bytes_per_connection", managed=True),
    Measure("tls-connect", "connect", "broker_us_per_connect", tls=True),
    Measure("tls-idle", "idle --connections 2000", "broker_bytes_per_connection", managed=True, tls=True),
    Measure("tls-p2p0", "pairs --qos 0", CPU, tls=True),
    Measure("tls-p2p0-1k", "pairs --qos 0 --size 1024", CPU, tls=True),
    Measure("connect", "connect", "broker_us_per_connect"),
    Measure("ret-cpu", "retained", "broker_us_per_store", qos=1, not_null=True),
    Measure("ret-bytes", "retained", "broker_bytes_per_topic", qos=1, not_null=True),
    Measure("ret-replay", "retained", "replay_seconds", qos=1, not_null=True),
]

# Goal, what, measure, [(against, factor, ...)]: ours <= factor x theirs, or >= for rates.
GOALS = [
    (1, "CPU p2p QoS 0, 64 B", "p2p0", {"null": 4, "mosquitto": 1 / 40, "nats": 0.25, "flashmq": 0.40}),
    (2, "CPU p2p QoS 0, 1 KiB", "p2p0-1k", {"null": 2.5, "flashmq": 0.50}),
    (3, "CPU p2p QoS 1, 64 B", "p2p1", {"null": 2.2, "mosquitto": 1 / 40, "nats": 1 / 40, "flashmq": 0.50}),
    (4, "CPU p2p QoS 2, 64 B", "p2p2", {"mosquitto": 1 / 40, "flashmq": 0.50}),
    (5, "CPU fan-out QoS 0, a delivery", "out0", {"null": 1.4, "mosquitto": 1 / 30, "flashmq": 0.80}),
    (5, "CPU fan-out QoS 1, a delivery", "out1", {"mosquitto": 1 / 30, "flashmq": 0.60}),
    (6, "CPU fan-in QoS 0", "in0", {"mosquitto": 1 / 35, "flashmq": 0.50}),
    (6, "CPU fan-in QoS 1", "in1", {"mosquitto": 1 / 35, "flashmq": 0.50}),
    (7, "CPU shared QoS 1", "shared", {"mosquitto": 1 / 30, "flashmq": 0.50}),
    (8, "CPU 100k wildcard filters", "wildcards", {"own p2p0": 1.5, "mosquitto": 1 / 15, "flashmq": 0.40}),
    (9, "two cores, fan-out /s", "2c-out0", {"own 1c-out0": 1, "nats": 4, "flashmq": 7}),
    (10, "two cores, p2p QoS 0 /s", "2c-p2p0", {"own 1c-p2p0": 1.3, "flashmq": 1.5}),
    (10, "two cores, p2p QoS 1 /s", "2c-p2p1", {"own 1c-p2p1": 1.3, "flashmq": 1.8}),
    (11, "p50 at 20k/s QoS 0, us", "p50", {"null": 1.1, "mosquitto": 1.05, "flashmq": 1.05}),
    (11, "... where it does not sleep", "p50-busy", {"null": 1.3, "mosquitto": 0.5, "flashmq": 0.5}),
    (12, "p99 at 20k/s QoS 1, us", "p99", {"null": 1.5, "flashmq": 1.0}),
    (13, "CPU at 20k/s QoS 0", "20k-cpu", {"null": 1.10, "mosquitto": 0.92, "flashmq": 0.92}),
    (14, "durable p2p QoS 1 /s", "durable", {"mosquitto": 5, "nats": 6}),
    (15, "acknowledged, lost to SIGKILL", "kill", {"none": 0}),
    (16, "back after restart, s", "restart", {"mosquitto": 0.2, "flashmq": 0.7}),
    (17, "bytes an idle connection", "idle", {"mosquitto": 0.8}),
    (17, "... with one subscription", "idle-sub", {"mosquitto": 0.6}),
    (18, "CPU TLS connect + disconnect", "tls-connect", {"mosquitto": 0.85}),
    (18, "bytes an idle TLS connection", "tls-idle", {"mosquitto": 0.7}),
    (19, "CPU TLS p2p QoS 0, 64 B", "tls-p2p0", {"mosquitto": 1 / 20, "flashmq": 0.55}),
    (19, "CPU TLS p2p QoS 0, 1 KiB", "tls-p2p0-1k", {"flashmq": 0.65}),
    (20, "CPU connect + disconnect", "connect", {"null": 1.1, "mosquitto": 1.0}),
    (21, "CPU store of a retained message", "ret-cpu", {"mosquitto": 0.1, "flashmq": 0.5}),
    (21, "bytes a retained topic", "ret-bytes", {"mosquitto": 0.25, "flashmq": 0.4}),
    (21, "replay of 100k, s", "ret-replay", {"mosquitto": 0.05, "flashmq": 0.4}),
]
RATES = {"2c-out0", "2c-p2p0", "2c-p2p1", "durable"}


class Bench:
    def __init__(self, options):
        self.options = options
        self.values = {}  # (measure, broker) -> figures of all repeats
        self.wrong = []
        self.cache = {}

    def load(self, broker, arguments, cores):
        command = [f"{self.options.build}/wireway", "bench", "mqtt", *arguments, "--host", broker.host, "--port",
                   str(broker.port), "--pid", str(broker.pid), "--mqtt", "3.1.1", "--json", "--patience", "5",
                   "--seconds", str(self.options.seconds)]
        if broker.tls:
            command += ["--tls", "--ca-file", broker.ca, "--server-name", "localhost"]
        out = subprocess.run(pinned("1" if cores == "0" else "", command), capture_output=True, text=True)
        try:
            report = json.loads(out.stdout)
        except json.JSONDecodeError:
            raise SystemExit(f"{' '.join(command)}: {out.stdout}{out.stderr}")
        if not report["good"]:
            self.wrong.append((broker.name, " ".join(arguments), report["violations"], report["faults"]))
        return report

    def offline(self, broker, number):
        """Fills queues, ends the broker with the signal `number`, starts it again and counts. The time back is that
        from the start of its process until it answers, so what it reads back is in it, and from the first connect
        to the last message."""
        sessions = "1000" if number == signal.SIGKILL else "9900"
        arguments = ["--run", "77", "--connections", sessions, "--messages", "10"]
        self.load(broker, ["offline-fill", *arguments], broker.cores)
        broker.end(number)
        began = time.monotonic()
        broker.launch()
        start = time.monotonic() - began
        before = list(self.wrong)
        report = self.load(broker, ["offline-drain", *arguments], broker.cores)
        report["figures"]["back_seconds"] = start + report["figures"].get("drain_seconds", 0)
        self.wrong = before  # what is lost here is the figure
        return report

    def figure(self, measure, broker, repeat):
        key = (tuple(measure.arguments), measure.cores, broker.name, repeat, measure.key == "kill", measure.tls,
               measure.busy)
        if key not in self.cache:
            broker.durable = measure.key in ("durable", "kill", "restart")
            broker.tls, broker.busy = measure.tls, measure.busy
            broker.start(measure.cores)
            try:
                if measure.arguments == ["offline"]:
                    number = signal.SIGKILL if measure.key == "kill" else signal.SIGTERM
                    self.cache[key] = self.offline(broker, number)
                else:
                    self.cache[key] = self.load(broker, measure.arguments, measure.cores)
            finally:
                broker.stop()
        report = self.cache[key]
        if measure.figure == "lost":
            return report["violations"]["lost"]
        if measure.figure == "back_seconds":
            return report["figures"]["back_seconds"] if report["good"] else None
        return report["figures"].get(measure.figure)

    def run(self, measures, all_brokers):
        for measure in measures:
            for repeat in range(self.options.repeats):
                for broker in all_brokers:
                    if measure.can(broker):
                        value = self.figure(measure, broker, repeat)
                        if value is not None:
                            self.values.setdefault((measure.key, broker.name), []).append(value)
            print(f"  {measure.key}: " + ", ".join(
                f"{name} {shown(statistics.median(values))} ({shown(min(values))}-{shown(max(values))})"
                for (key, name), values in self.values.items() if key == measure.key), flush=True)

    def median(self, key, name):
        values = self.values.get((key, name))
        return statistics.median(values) if values else None


def shown(value):
    return "-" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def judge(bench, wanted):
    missed = 0
    print(f"\n{'goal':>4}  {'what':<32} {'ours':>10}   against: theirs, ratio, goal")
    for number, what, key, against in GOALS:
        if wanted and number not in wanted:
            continue
        ours = bench.median(key, "wireway")
        verdicts = []
        for other, factor in against.items():
            if other == "none":
                theirs, ratio = 0, ours
            elif other.startswith("own "):
                theirs = bench.median(other[4:], "wireway")
            else:
                theirs = bench.median(key, other)
            if ours is None or theirs is None:
                continue
            if other != "none":
                if theirs <= 0:
                    continue
                ratio = ours / theirs
            more = key in RATES
            met = ratio >= factor if more else ratio <= factor
            if key == "durable" and bench.median("kill", "wireway") != 0:
                met = False  # what a kill loses was not durable, however fast
            missed += not met
            verdicts.append(f"{other} {shown(theirs)}, {ratio:.3f}, {'>=' if more else '<='} {factor:.3f} "
                            f"{'met' if met else 'MISSED'}")
        print(f"{number:>4}  {what:<32} {shown(ours):>10}   " + ("; ".join(verdicts) or "nothing to compare with"))
    ours_wrong = [each for each in bench.wrong if each[0] == "wireway"]
    print(f"  26  order, loss, duplicates          {len(ours_wrong):>10}   runs with violations: "
          f"{'met' if not ours_wrong else 'MISSED'}")
    for name, arguments, violations, faults in bench.wrong:
        print(f"      {name}: {arguments}: {violations} {'; '.join(faults)}")
    return missed + len(ours_wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", help="folder with wireway and null_broker")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.2)
    parser.add_argument("--only", default="", help="numbers of goals, with commas")
    parser.add_argument("--brokers", default="", help="names, with commas")
    parser.add_argument("--strict", action="store_true", help="exit code 1 if a goal is missed")
    options = parser.parse_args()
    if os.cpu_count() < 2 or not shutil.which("taskset"):
        raise SystemExit("needs two cores and taskset (util-linux)")
    wanted = {int(word) for word in options.only.split(",") if word}
    all_brokers, skipped = brokers(options.build)
    if options.brokers:
        all_brokers = [each for each in all_brokers if each.name in options.brokers.split(",")]
    needed = {key for number, _, key, _ in GOALS if not wanted or number in wanted}
    needed |= {other[4:] for number, _, _, against in GOALS if not wanted or number in wanted
               for other in against if other.startswith("own ")}
    if "durable" in needed:
        needed.add("kill")
    for reason in skipped:
        print(f"skipped: {reason}")
    print(f"{', '.join(each.name for each in all_brokers)}; {options.repeats} repeats of {options.seconds} s; "
          "median (least-most)", flush=True)
    bench = Bench(options)
    bench.run([each for each in MEASURES if each.key in needed], all_brokers)
    missed = judge(bench, wanted)
    return 1 if options.strict and missed else 0


if __name__ == "__main__":
    sys.exit(main())
