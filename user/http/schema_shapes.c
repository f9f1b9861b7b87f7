// SPDX-License-Identifier: GPL-2.0-only
/* The documents of the API.  tests/system/openapi.bats holds them against what is
 * answered. */
#include "http/schema.h"

#define PORT_MANAGER                                                     \
	"port_range:string total_ports:integer allocated_ports:integer " \
	"available_ports:integer allocations:Allocation[]"
#define WATCHDOG                                                           \
	"running:boolean check_interval:integer checks_performed:integer " \
	"issues_detected:integer monitored_ports:integer"
#define KINDS                                                           \
	"occupied|blocked|shared|shadowed|drifted|dead_owner|orphaned|" \
	"not_listening|unhealthy|ephemeral|duplicate|unregistered"
#define STATUSES "running|starting|stopped|conflict|unhealthy|disabled"
/* What an entry holds besides its name and port, however it is written. */
#define ENTRY(end)                                                                       \
	"proto:tcp|udp" end " address:string?" end " environment:string?" end            \
	" description:string?" end " enabled:boolean" end " process_name:string?" end    \
	" match:any" end " startup_cmd:any" end " working_dir:string?" end               \
	" env:any" end " env_file:string?" end " user:string?" end " depends_on:any" end \
	" health_endpoint:string?" end " health:any" end                                 \
	" restart:no|on_failure|always" end " backoff:any" end " restart_limit:any" end  \
	" stop:any" end " on_conflict:fail|next_free|kill" end " tags:string[]?" end     \
	" netns:string?" end

const struct shape schema_shapes[] = {
	{ "Problem", NULL,
	  "type:string title:string status:integer detail:string remedy:string~ "
	  "path:string?~ line:integer~ column:integer~ json_path:string~ "
	  "capability:string~ rule:string~ holder:Process?~ *:any" },
	{ "Process", NULL,
	  "pid:integer? ppid:integer? start_time:time? comm:string? exe:string? "
	  "cmdline:string[]? uid:integer? user:string? cwd:string? cgroup:string? "
	  "unit:string? container:string?" },
	{ "Alert", NULL,
	  "id:integer kind:" KINDS " severity:info|warning|critical "
	  "state:firing|resolved service:string? port:port? proto:tcp|udp? "
	  "address:string? netns:integer? since:time? resolved_at:time? "
	  "latency_us:integer expected:string? found:Process? holder:Process? "
	  "message:string fix:string? repeats:integer" },
	{ "Socket", NULL,
	  "cookie:string~ proto:tcp|udp?~ address:string?~ port:port?~ netns:integer?~ "
	  "state:bound|listening|connected~ reuseport:boolean~ reuseaddr:boolean~ "
	  "v6only:boolean~ mptcp:boolean~ scope:loopback|private|public~ since:time?~ "
	  "age_s:integer?~ source:string~ process:Process?~ holders:Process[]~ "
	  "service:string?~ unit:string?~ container:string?~ user:string?~ uid:integer?~ "
	  "pid:integer?~ comm:string?~" },
	{ "WhyHolder", NULL,
	  "cookie:string proto:tcp|udp address:string? port:port? netns:integer? "
	  "state:bound|listening|connected reuseport:boolean reuseaddr:boolean "
	  "v6only:boolean mptcp:boolean scope:loopback|private|public since:time? "
	  "age_s:integer? source:string process:Process? holders:Process[] "
	  "service:string? unit:string? container:string? user:string? uid:integer? "
	  "pid:integer? comm:string? chain:WhyAncestor[] others:Process[]" },
	{ "WhyAncestor", NULL,
	  "pid:integer? ppid:integer? start_time:time? comm:string? exe:string? "
	  "cmdline:string[]? uid:integer? user:string? cwd:string? cgroup:string? "
	  "unit:string? container:string? exited:boolean" },
	{ "WhyConnection", NULL,
	  "proto:tcp|udp address:string? port:port? netns:integer? peer:string? "
	  "kind:outgoing|accepted|time_wait process:Process? uid:integer? until:time?" },
	{ "WhyBind", NULL,
	  "proto:tcp|udp family:ipv4|ipv6 address:string port:port as:string "
	  "options:string[] result:ok|error|depends errno:string? "
	  "reason:free|privileged|listener|bound|wildcard|other_family|reuseport|"
	  "time_wait|outgoing|connection "
	  "text:string until:time? peer:string? culprit:Process?" },
	{ "WhyFailure", NULL,
	  "proto:tcp|udp? address:string? port:port? netns:integer? errno:string? "
	  "inferred:boolean first:time last:time count:integer uid:integer? "
	  "process:Process? holder:Process?" },
	{ "WhyAdvice", NULL, "text:string command:string?" },
	{ "Why", "why",
	  "target:string timestamp:time port:port? service:string? summary:string "
	  "holders:WhyHolder[] connections:WhyConnection[] accepted:integer "
	  "time_wait:integer more:boolean binds:WhyBind[] failures:WhyFailure[] "
	  "alerts:Alert[] elsewhere:Socket[] advice:WhyAdvice" },
	{ "Port", NULL, "name:string? port:port proto:tcp|udp address:string?" },
	{ "ServiceStatus", NULL,
	  "name:string port:port? ports:Port[] proto:tcp|udp address:string? "
	  "environment:string? description:string? status:" STATUSES " enabled:boolean "
	  "pid:integer? process:Process? health:healthy|unhealthy? "
	  "health_endpoint:string? since:time? uptime_s:integer? restarts:integer "
	  "request_count:integer? error_count:integer alerts:integer[]" },
	{ "Service", NULL, "name:string port:any " ENTRY("") },
	{ "ServiceInList", NULL, "name:string port:any " ENTRY("") " status:" STATUSES },
	{ "NewService", NULL, "name:string~ port:any~ " ENTRY("~") " *:any" },
	{ "Allocation", NULL,
	  "port:port service_name:string started_by:string? purpose:string? pid:integer? "
	  "allocated_at:time? health_status:string? request_count:integer? "
	  "error_count:integer proto:tcp|udp claimed_at:time? expires_at:time? "
	  "start_ticks:integer?" },
	{ "PortManager", NULL, PORT_MANAGER },
	{ "Watchdog", NULL, WATCHDOG },
	{ "Kernel", NULL,
	  "backend:bpf|procfs realtime:boolean bind_failures:string hooks:string[] "
	  "events_seen:integer events_lost:integer resyncs:integer sockets:integer "
	  "sockets_refused:integer" },
	{ "Daemon", NULL,
	  "version:string pid:integer uptime_s:integer registry:string "
	  "registry_refused:string? generation:integer embedded:boolean" },
	{ "SinkState", NULL,
	  "name:string type:stdout|file|journald|syslog|exec|webhook|alertmanager "
	  "sent:integer failed:integer dropped:integer queued:integer "
	  "last_error:string? last_error_at:time?" },
	{ "HistoryState", NULL,
	  "path:string writes:boolean written:integer waiting:integer dropped:integer "
	  "fault:string?" },
	{ "Status", "status",
	  "timestamp:time services:ServiceStatus{} conflicts:Alert[] alerts:Alert[] "
	  "startup_order:string[] shutdown_order:string[] port_manager:PortManager "
	  "watchdog:Watchdog kernel:Kernel daemon:Daemon sinks:SinkState[] "
	  "history:HistoryState" },
	{ "Services", "services", "services:ServiceInList[]" },
	{ "ServiceInFull", "service",
	  "service:Service status:ServiceStatus alerts:Alert[] sockets:Socket[]" },
	{ "Change", "change",
	  "name:string change:string port:port? previous_port:port? registry:string "
	  "service:Service? notes:string[]" },
	{ "Available", "available", "from:port to:port wanted:integer ports:integer[]" },
	{ "Report", "report", "timestamp:time well:boolean summary:string text:string" },
	{ "Conflicts", "conflicts", "conflicts:Alert[]" },
	{ "Alerts", "alerts", "alerts:Alert[]" },
	{ "Sockets", "sockets", "sockets:Socket[]" },
	{ "HistoricAlert", NULL,
	  "id:integer kind:" KINDS " severity:info|warning|critical since:time? "
	  "resolved_at:time? latency_us:integer repeats:integer expected:string? "
	  "message:string fix:string? state:firing|resolved found:Process? "
	  "holder:Process?" },
	{ "HistoricAllocation", NULL, "started_by:string? purpose:string? pid:integer?" },
	{ "HistoryEntry", NULL,
	  "id:string time:time type:string source:kernel|snapshot|resync|daemon "
	  "port:port? proto:tcp|udp? address:string? netns:integer? service:string? "
	  "process:Process? cookie:string?~ errno:string?~ inferred:boolean~ "
	  "holder:Process?~ cause:close|exit~ lifetime_s:number?~ exit_code:integer?~ "
	  "signal:string~ alert:HistoricAlert~ allocation:HistoricAllocation~ "
	  "reason:string?~ count:integer~ text:string?" },
	{ "History", "history",
	  "entries:HistoryEntry[] next:string? dropped:integer fault:string?" },
	{ "Finding", NULL,
	  "name:string what:string ok:boolean in_use:boolean reason:string? "
	  "remedy:string?" },
	{ "Doctor", "doctor",
	  "findings:Finding[] kernel:string? backend:bpf|procfs bind_failures:string" },
	{ "Registry", NULL, "settings:any services:Service[] allocations:Allocation{}" },
	{ "Config", "config", "path:string registry:Registry warnings:string[]" },
	{ "Import", "import",
	  "path:string services:integer services_same:integer allocations:integer "
	  "allocations_same:integer settings:integer" },
	{ "KillOrder", NULL,
	  "signal:any~ grace:any~ force:boolean~ sockets:boolean~ dry_run:boolean~ "
	  "proto:tcp|udp~ only:integer[]~" },
	{ "KilledProcess", NULL,
	  "pid:integer comm:string? user:string? ports:string[] result:string "
	  "signal:string? end:string? rule:string? reason:string? process:Process" },
	{ "KilledPort", NULL,
	  "proto:tcp|udp port:port netns:integer free:boolean? taken:boolean~ "
	  "holder:Process?~ connections:integer?~" },
	{ "KilledSocket", NULL,
	  "cookie:string proto:tcp|udp port:port local:string remote:string "
	  "state:string uid:integer result:string reason:string?" },
	{ "Kill", "kill",
	  "target:string dry_run:boolean outcome:string message:string? service:string?~ "
	  "signal:string~ grace_s:number~ forced:boolean~ duration_s:number~ "
	  "processes:KilledProcess[] ports:KilledPort[] sockets:KilledSocket[]" },
	{ "Log", "log", "service:string path:string" },
	{ "LaunchOrder", NULL,
	  "names:string[]~ no_deps:boolean~ check_only:boolean~ on_conflict:any~" },
	{ "LaunchOneOrder", NULL,
	  "no_deps:boolean~ check_only:boolean~ on_conflict:any~" },
	{ "LaunchConflict", NULL, "port:port proto:tcp|udp holder:Process?" },
	{ "LaunchStep", NULL,
	  "service:string "
	  "state:waiting|starting|stopping|started|ready|stopped|completed|failed|"
	  "skipped "
	  "reason:string? port:port? pid:integer? restarts:integer wanted:boolean "
	  "running:boolean on_conflict:fail|next_free|kill|skip? "
	  "conflict:LaunchConflict?" },
	{ "Launch", "launch",
	  "action:up|down|restart service:string~ state:string~ done:boolean "
	  "outcome:done|partly|conflict|failed? conflicts:integer "
	  "services:LaunchStep[]" },
	{ "AllocationAnswer", "allocation", "allocation:Allocation" },
	{ "Allocations", "allocations", PORT_MANAGER },
	{ "WatchdogAnswer", "watchdog", WATCHDOG },
	{ "Check", NULL,
	  "service:string port:port? result:passed|failed|not_running|no_check|not_made "
	  "health:healthy|unhealthy? kind:http|tcp|exec? target:string? reason:string? "
	  "latency_us:integer?" },
	{ "HealthCheck", "health-check", "timestamp:time checks:Check[]" },
	{ "Event", "event",
	  "seq:integer time:time type:string source:kernel|snapshot|resync|daemon "
	  "*:any" },
	{ NULL, NULL, NULL },
};
