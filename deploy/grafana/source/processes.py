"""The processes themselves."""

from panels import GREEN, RED, graph, states
from queries import HERE, PROCESS, rate

PROCESSES = [
    graph(
        "Bytes of bodies",
        "From (in) and to (out) clients and upstreams.",
        (rate("side, direction", "body_bytes_total"), "{{side}} {{direction}}"),
        unit="Bps",
    ),
    graph(
        "Processor",
        "Cores in use.",
        (f"rate(process_cpu_seconds_total{{{PROCESS}}}[$__rate_interval])", "{{instance}}"),
    ),
    graph("Memory", "Resident.", (f"process_resident_memory_bytes{{{PROCESS}}}", "{{instance}}"), unit="bytes"),
    graph(
        "File descriptors",
        "Open ones, and how many there may be.",
        (f"process_open_fds{{{PROCESS}}}", "{{instance}} open"),
        (f"process_max_fds{{{PROCESS}}}", "{{instance}} limit"),
    ),
    states(
        "Configuration",
        "Whether the last change could be taken; else the old one is in use.",
        (f"reelgate_config_last_reload_successful{{{HERE}}}", "{{instance}}"),
        words={0: ("refused", RED), 1: ("taken", GREEN)},
    ),
    graph(
        "Age",
        "Time since the start, and since the configuration was last taken.",
        (f"time() - process_start_time_seconds{{{PROCESS}}}", "{{instance}} process"),
        (f"time() - reelgate_config_last_reload_success_timestamp_seconds{{{HERE}}}", "{{instance}} configuration"),
        unit="s",
    ),
    graph(
        "Versions",
        "Processes of each build.",
        (f"count by (version, commit) (reelgate_build_info{{{HERE}}})", "{{version}} {{commit}}"),
        stacked=True,
    ),
    graph(
        "Configurations",
        "How often each process has taken a new one, and how often its files were read again.",
        (f"reelgate_config_generation{{{HERE}}}", "{{instance}} generation"),
        (f"sum by (result) (increase(reelgate_reloads_total{{{HERE}}}[1h]))", "{{result}} an hour"),
    ),
    states(
        "Redis",
        "Whether it answers, where one is configured.",
        (f"reelgate_redis_up{{{HERE}}}", "{{instance}}"),
        words={0: ("down", RED), 1: ("up", GREEN)},
    ),
]
