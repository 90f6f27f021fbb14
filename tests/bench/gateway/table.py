"""Medians of the rounds, ratios to nginx, and what each row must reach."""
import os
import platform
import statistics
import subprocess

# test: (what it is, its figure, what must be reached)
# A goal is (sense, factor, of whom): ">" our ratio to the best of them is at least factor, "<" at most.
PEERS_TCP = ["nginx-stream", "haproxy-tcp", "stunnel", "hitch"]
TITLES = {
    "hs13": ("full TLS 1.3 handshake + one request, P-256", "per_cpu_s", [(2.2, ["nginx"]), (1.05, ["caddy"])]),
    "hs12": ("the same, TLS 1.2", "per_cpu_s", [(1.7, ["nginx"])]),
    "hs13-rsa": ("full TLS 1.3, RSA-2048", "per_cpu_s", [(1.7, ["nginx"])]),
    "rs13": ("resumed TLS 1.3, re-judged", "per_cpu_s", [(2.0, ["nginx"])]),
    "rs12": ("resumed TLS 1.2, re-judged", "per_cpu_s", [(1.7, ["nginx"])]),
    "hs13-new": ("full TLS 1.3, P-256, every leaf new", "per_cpu_s", []),
    "req-tcp": ("kept small requests, tcp mode (µs CPU)", "us", [(1.05, PEERS_TCP)]),
    "req-http": ("kept small requests, http mode with identity headers (µs CPU)", "us", [(1.0, ["nginx"])]),
    "down": ("download 16 MiB (CPU s per GB)", "s_per_gb", [(0.65, None)]),
    "up": ("upload 16 MiB (CPU s per GB)", "s_per_gb", [(0.75, None)]),
    "idle": ("memory per idle connection, 8,000 held (KB)", "kb", [(0.9, ["nginx"])]),
    "lat-hs": ("admission at 300 a second, p99 (ms)", "p99", [(1.0, ["nginx"])]),
    "two-hs13": ("full TLS 1.3, P-256, two workers", "per_cpu_s", []),
    "two-rs13": ("resumed TLS 1.3, two workers", "per_cpu_s", []),
}
FIGURES = {
    "per_cpu_s": lambda m: m["ops"] / m["server_cpu_s"],
    "us": lambda m: m["server_us_per_op"],
    "s_per_gb": lambda m: m["server_s_per_gbyte"],
    "kb": lambda m: m["pss_kb_per_conn"],
    "p99": lambda m: m["p99_ms"],
}
OURS = ("certgate", "certgate-tcp")


def figure(measured, test):
    """None where nothing was done in the time: the machine was elsewhere."""
    try:
        return FIGURES[TITLES[test][1]](measured) or None
    except (KeyError, ZeroDivisionError):
        return None


def rows(results):
    """One row a test: of each contestant the median, and of ours the ratio to each goal."""
    found = []
    for test, (title, kind, goals) in TITLES.items():
        rounds = {}
        for measured in results:
            if measured["test"] == test and figure(measured, test) is not None:
                rounds.setdefault(measured["contestant"], {})[measured["round"]] = figure(measured, test)
        if not rounds:
            continue
        of_test = [m for m in results if m["test"] == test]
        row = {"test": test, "title": title, "more_is_better": kind == "per_cpu_s",
               "medians": {name: statistics.median(values.values()) for name, values in rounds.items()},
               "to_nginx": {}, "goals": [],
               "resumed": {name: statistics.median(m["resumed"] / m["ops"] for m in of_test
                                                   if m["contestant"] == name and m.get("ops"))
                           for name in rounds} if test.startswith(("rs", "two-rs")) else {},
               "errors": sum(m["errors"] for m in of_test)}
        base = "nginx" if "nginx" in rounds else "nginx-stream"
        for name in rounds:
            row["to_nginx"][name] = ratio(rounds, name, [base])
        for factor, peers in goals:  # of ours: a median where a number is to be reached, else a ratio
            for ours in OURS:
                if ours not in rounds or (peers and not any(p in rounds for p in peers)):
                    continue
                reached = row["medians"][ours] if peers is None else ratio(
                    rounds, ours, [p for p in peers if p in rounds], row["more_is_better"])
                if reached is None:
                    continue
                row["goals"].append({"ours": ours, "beside": peers or "absolute", "must": factor, "reached": reached,
                                     "met": reached >= factor if row["more_is_better"] else reached <= factor})
        found.append(row)
    return found


def ratio(rounds, name, peers, more_is_better=True):
    """Median over the rounds of our figure by that of the best peer, both of one round."""
    best = max if more_is_better else min
    each = []
    for number, value in rounds[name].items():
        others = [rounds[p][number] for p in peers if p in rounds and number in rounds[p]]
        if others:
            each.append(value / best(others))
    return statistics.median(each) if each else None


def shown(value):
    return "–" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def text(found):
    names = [n for n in ("nginx", "haproxy", "caddy", "nginx-stream", "haproxy-tcp", "hitch", "stunnel", *OURS)
             if any(n in row["medians"] for row in found)]
    lines = ["| work | " + " | ".join(names) + " | must reach |", "| --- |" + " --- |" * (len(names) + 1)]
    for row in found:
        cells = []
        for name in names:
            value, to = row["medians"].get(name), row["to_nginx"].get(name)
            cells.append("–" if value is None else f"{shown(value)} ({to:.2f})" if to is not None else shown(value))
        goals = [f"{'**missed** ' if not g['met'] else ''}{g['ours']} {g['reached']:.2f}, must "
                 f"{'≥' if row['more_is_better'] else '≤'} {g['must']:g}"
                 + ("" if g["beside"] == "absolute" else f" × {' / '.join(g['beside'])}") for g in row["goals"]]
        lines.append(f"| {row['title']} | " + " | ".join(cells) + " | " + "; ".join(goals) + " |")
        if row["resumed"]:
            lines[-1] += " resumed: " + ", ".join(f"{n} {s:.0%}" for n, s in row["resumed"].items())
        if row["errors"]:
            lines[-1] += f" **{row['errors']} errors**"
    return "\n".join(lines)


def machine():
    def package(name):
        return subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True, text=True,
                              check=False).stdout
    with open("/proc/cpuinfo", encoding="ascii") as info:
        cpu = next(line.split(":")[1].strip() for line in info if line.startswith("model name"))
    return {"cpu": cpu, "cores": os.cpu_count(), "kernel": platform.release(),
            "packages": {name: package(name) for name in ("libssl3", "nginx-light", "haproxy", "stunnel4", "hitch",
                                                          "caddy", "libgnutls30")}}
