"""Every span, metric and log field of Tidemill: the contract that dashboards, alarms and searches rely on.

`docs/telemetry.md` is generated from this module (`make docs`); a name that is not here does not exist.
"""

from typing import Final

from tidemill.telemetry.instruments import Counter, Field, Gauge, Latency, Size, Span

# Fields of log lines and attributes of spans.

EXECUTION_ID: Final = Field("execution_id", "The execution that the line or span is about.")
NAMESPACE: Final = Field("namespace", "The tenant.")
WORKFLOW: Final = Field("workflow", "The workflow's name.")
WORKFLOW_VERSION: Final = Field("workflow_version", "The definition's version.")
TASK_REFERENCE: Final = Field("task_reference", "JSON pointer of the task in its document.")
SHARD: Final = Field("shard", "The shard's number.")
EPOCH: Final = Field("epoch", "The shard's epoch: how often its ownership has changed.")
OFFSET: Final = Field("offset", "Offset in the shard's command log.")
SEQUENCE: Final = Field("sequence", "Sequence number in an execution's history.")
COMMAND_KIND: Final = Field("command_kind", "The kind of a command, e.g. `start`.")
BATCH_SIZE: Final = Field("batch_size", "Commands, calls or events in the batch.")
ACTION: Final = Field("action", "An action as `name:version`.")
IDEMPOTENCY_KEY: Final = Field("idempotency_key", "The key of an action call.")
ATTEMPT: Final = Field("attempt", "The attempt's number under its key, from 1.")
LEASE: Final = Field("lease", "The lease under which a replica of the Action service claims keys.")
ENGINE_ID: Final = Field("engine_id", "An engine process that is connected to the Action service.")
EVENT_SOURCE: Final = Field("event_source", "A CloudEvent's `source`.")
EVENT_ID: Final = Field("event_id", "A CloudEvent's `id`.")
EVENT_TYPE: Final = Field("event_type", "A CloudEvent's `type`.")
REQUEST_ID: Final = Field("request_id", "The caller's id of a mutating request.")
LOOP: Final = Field("loop", "Name of a background loop.")
METHOD: Final = Field("method", "Full name of an RPC, e.g. `/tidemill.api.engine.v1.ExecutionService/Start`.")
CODE: Final = Field("code", "gRPC status code by name, e.g. `NOT_FOUND`.")
REASON: Final = Field("reason", "An ErrorReason without its prefix, e.g. `PHASE_CONFLICT`.")
INCIDENT: Final = Field("incident", "Id that an INTERNAL error's answer and its log line share.")
FAILURES: Final = Field("failures", "How many times in a row something has failed.")
DELAY_SECONDS: Final = Field("delay_seconds", "The wait before the next try.")
ADDRESS: Final = Field("address", "host:port that a server listens on or a client connects to.")
SERVICE: Final = Field("service", "The process's part: `engine`, `triggers`, `actions`.")
PHASE: Final = Field("phase", "An execution's phase, e.g. `running`.")
STATE: Final = Field("state", "How an attempt of an action ended, e.g. `succeeded`.")
FAILURE: Final = Field("failure", "Why a call was not made.")
RECEIVER: Final = Field("receiver", "Who gets lifecycle events: `stream` or `sink`.")
STATUS: Final = Field("status", "An HTTP status code.")
SIGNAL: Final = Field("signal", "The signal that asked the process to stop.")
EXIT_CODE: Final = Field("exit_code", "How a program of a workflow ended; 128 and the number for a signal.")

# Every service.

RPC_CALLS: Final = Counter(
    "tidemill_rpc_calls_total", "RPCs that have ended, by outcome.", "calls", ("method", "code")
)
RPC_ERRORS: Final = Counter(
    "tidemill_rpc_errors_total", "RPCs that ended in a typed error.", "calls", ("method", "reason")
)
RPC_LATENCY: Final = Latency(
    "tidemill_rpc_latency_seconds",
    "Time to serve an RPC; for a stream, its whole life.",
    start="the server's interceptor sees the call",
    end="the handler has returned or raised",
    labels=("method",),
)
LOOP_ERRORS: Final = Counter(
    "tidemill_loop_errors_total", "Rounds of a background loop that raised.", "rounds", ("loop",)
)
LOOP_FAILING: Final = Gauge(
    "tidemill_loop_failing", "1 while a background loop is backing off, else 0.", "flag", ("loop",)
)

# The Engine.

ENGINE_ENGINES: Final = Gauge("tidemill_engine_engines", "Engines that live, as this one sees it.", "engines")
ENGINE_SHARDS_OWNED: Final = Gauge("tidemill_engine_shards_owned", "Shards that this process owns.", "shards")
ENGINE_SHARDS_HALTED: Final = Gauge(
    "tidemill_engine_shards_halted", "Shards whose place in the command log is gone; an alarm.", "shards"
)
ENGINE_SHARDS_TAKEN: Final = Counter(
    "tidemill_engine_shards_taken_total", "Shards that this process has taken.", "shards"
)
ENGINE_SHARDS_FENCED: Final = Counter(
    "tidemill_engine_shards_fenced_total",
    "Shards that another process has taken from this one while it lived.",
    "shards",
)
ENGINE_CLOCK_BEHIND: Final = Gauge(
    "tidemill_engine_clock_behind_seconds",
    "How far the clock is behind that of the owner before, of the shards taken last; an alarm above 5.",
    "seconds",
)
ENGINE_BATCH_ITEMS: Final = Size("tidemill_engine_batch_items", "Items that one batch step took.", "items")
ENGINE_COMMIT_LATENCY: Final = Latency(
    "tidemill_engine_commit_latency_seconds",
    "Time that the store took for a batch.",
    start="the batch is handed to the store",
    end="the store has it on disk",
)
ENGINE_STEP_LATENCY: Final = Latency(
    "tidemill_engine_step_latency_seconds",
    "Time from an action's outcome to what follows from it.",
    start="the outcome of an action reached the inbox",
    end="the events that follow from it are on disk",
)
ENGINE_EVENTS: Final = Counter("tidemill_engine_events_total", "Events added to histories.", "events")
ENGINE_EXECUTIONS_CLOSED: Final = Counter(
    "tidemill_engine_executions_closed_total",
    "Executions that have closed, by phase.",
    "executions",
    ("phase",),
)
ENGINE_DEAD_LETTERS: Final = Counter(
    "tidemill_engine_dead_letters_total", "Items that could not be applied. Alarm on any.", "items"
)
ENGINE_INBOX: Final = Gauge("tidemill_engine_inbox_items", "Items that wait for the batch step.", "items")
ENGINE_LOG_BACKLOG: Final = Gauge(
    "tidemill_engine_log_backlog_commands", "Commands in the log that are not applied yet.", "commands"
)
ENGINE_LOG_APPEND_LATENCY: Final = Latency(
    "tidemill_engine_log_append_latency_seconds",
    "Time that an append to the command log in Kafka took.",
    start="the caller hands the records over",
    end="the brokers have all of them",
)
ENGINE_LOG_BATCH_RECORDS: Final = Size(
    "tidemill_engine_log_batch_records", "Records that were written to a partition in one go.", "records"
)
ENGINE_LOG_APPEND_FAILURES: Final = Counter(
    "tidemill_engine_log_append_failures_total",
    "Batches of which it is not known whether Kafka has them: their callers were told so.",
    "batches",
)
ENGINE_CALLS_OPEN: Final = Gauge(
    "tidemill_engine_calls_open", "Calls of actions in memory that have no outcome yet.", "calls"
)
ENGINE_TIMERS: Final = Gauge(
    "tidemill_engine_timers", "Timers in memory: those of about the next minute.", "timers"
)
ENGINE_TIMER_LATENESS: Final = Latency(
    "tidemill_engine_timer_lateness_seconds",
    "How late timers fire.",
    start="the timer is due",
    end="its firing reaches the inbox",
)
ENGINE_EVENTS_HEARD: Final = Counter(
    "tidemill_engine_events_heard_total", "Events that lanes have heard for the first time.", "events"
)
ENGINE_EVENTS_REPEATED: Final = Counter(
    "tidemill_engine_events_repeated_total", "Events that lanes knew already, by source and id.", "events"
)
ENGINE_EVENTS_DELIVERED: Final = Counter(
    "tidemill_engine_events_delivered_total", "Events that lanes have sent to executions.", "events"
)
ENGINE_OUTBOX: Final = Gauge(
    "tidemill_engine_outbox_messages", "Messages to other shards that are in memory.", "messages"
)
ENGINE_FIRES_MISSED: Final = Counter(
    "tidemill_engine_fires_missed_total", "Fire times of schedules that started nothing.", "fire times"
)
ENGINE_STATES: Final = Gauge("tidemill_engine_states", "Executions whose state is in memory.", "executions")
ENGINE_LIFECYCLE_DELIVERED: Final = Counter(
    "tidemill_engine_lifecycle_delivered_total",
    "Lifecycle events that were sent to subscribers (`stream`) or taken by the HTTP sink (`sink`).",
    "events",
    ("receiver",),
)
ENGINE_LIFECYCLE_FAILURES: Final = Counter(
    "tidemill_engine_lifecycle_failures_total",
    "Requests that the HTTP sink did not take: its status, `timeout`, or `connection`.",
    "requests",
    ("failure",),
)
ENGINE_LIFECYCLE_PASSED_OVER: Final = Counter(
    "tidemill_engine_lifecycle_passed_over_total",
    "Lifecycle events that the HTTP sink refused and never gets. Alarm on any.",
    "events",
)
ENGINE_LIFECYCLE_UNREADABLE: Final = Counter(
    "tidemill_engine_lifecycle_unreadable_total",
    "Times that a damaged history row gave no lifecycle events. Alarm on any.",
    "rows",
)
ENGINE_LIFECYCLE_LAG: Final = Gauge(
    "tidemill_engine_lifecycle_lag_commits",
    "Commits that the HTTP sink has not been told of.",
    "commits",
)
ENGINE_LIFECYCLE_BLOCKED: Final = Gauge(
    "tidemill_engine_lifecycle_blocked",
    "1 while the HTTP sink refuses an event (4xx) and none behind it goes out. Alarm on it.",
    "flag",
)
ENGINE_LIFECYCLE_SUBSCRIBERS: Final = Gauge(
    "tidemill_engine_lifecycle_subscribers", "Streams of lifecycle events that are open.", "streams"
)

# Triggers.

TRIGGERS_EVENTS_RECEIVED: Final = Counter(
    "tidemill_triggers_events_received_total", "Events that came in, whatever became of them.", "events"
)
TRIGGERS_EVENTS_MATCHED: Final = Counter(
    "tidemill_triggers_events_matched_total", "Events that met at least one start condition.", "events"
)
TRIGGERS_EVENTS_REFUSED: Final = Counter(
    "tidemill_triggers_events_refused_total",
    "Events that were answered with an error, alone or with their whole request.",
    "events",
    ("reason",),
)
TRIGGERS_EXECUTIONS_STARTED: Final = Counter(
    "tidemill_triggers_executions_started_total", "Executions that the Engine made for events.", "executions"
)
TRIGGERS_REPEATS: Final = Counter(
    "tidemill_triggers_repeats_total", "Starts whose execution existed: the event had come before.", "starts"
)
TRIGGERS_HEARS: Final = Counter(
    "tidemill_triggers_hears_total",
    "Events that were brought to lanes where executions may wait for them, once for each lane.",
    "events",
)
TRIGGERS_KEYS_FAILED: Final = Counter(
    "tidemill_triggers_keys_failed_total",
    "Ordering keys of waiting workflows that failed on an event: it reaches no subject's lane by them.",
    "keys",
)
TRIGGERS_PUBLISH_LATENCY: Final = Latency(
    "tidemill_triggers_publish_latency_seconds",
    "Time to take a request's events.",
    start="the events of a request are decoded",
    end="the Engine has acknowledged all that they start and all lanes that hear them",
)
TRIGGERS_SUBMIT_LATENCY: Final = Latency(
    "tidemill_triggers_submit_latency_seconds",
    "Time that one batch of starts and events takes at the Engine.",
    start="the batch is handed to gRPC",
    end="the Engine's answer or failure is there",
)
TRIGGERS_SUBMIT_SIZE: Final = Size(
    "tidemill_triggers_submit_size", "Starts and events for lanes in one batch to the Engine.", "commands"
)
TRIGGERS_QUEUED_COMMANDS: Final = Gauge(
    "tidemill_triggers_queued_commands",
    "Starts and events for lanes that wait for their batch or for its answer.",
    "commands",
)
TRIGGERS_IN_FORCE: Final = Gauge(
    "tidemill_triggers_in_force", "Event filters of start conditions in the index.", "triggers"
)
TRIGGERS_LISTENS_IN_FORCE: Final = Gauge(
    "tidemill_triggers_listens_in_force",
    "Event types that published versions wait for, counted for each version.",
    "listens",
)
TRIGGERS_CATALOGUE_REVISION: Final = Gauge(
    "tidemill_triggers_catalogue_revision",
    "The catalogue's revision that the index has in force.",
    "revision",
)
TRIGGERS_CATALOGUE_CONFIRMED: Final = Gauge(
    "tidemill_triggers_catalogue_confirmed_seconds",
    "When the Engine last confirmed the catalogue, in Unix time: its age is `time()` less this.",
    "seconds",
)
TRIGGERS_CONDITIONS_REFUSED: Final = Counter(
    "tidemill_triggers_conditions_refused_total",
    "Published definitions whose start condition or waits could not be put in force.",
    "definitions",
)
TRIGGERS_HTTP_ANSWERS: Final = Counter(
    "tidemill_triggers_http_answers_total", "HTTP requests that were answered.", "requests", ("status",)
)
TRIGGERS_PUBLISH: Final = Span("triggers.publish", "Takes a request's events.", ("namespace", "batch_size"))
TRIGGERS_SUBMIT: Final = Span(
    "triggers.submit", "Hands a batch of starts and events to the Engine.", ("batch_size",)
)

# Actions.

ACTIONS_CALLS: Final = Counter(
    "tidemill_actions_calls_total",
    "Calls that were answered with an outcome, run now or answered from the ledger.",
    "calls",
    ("action", "state"),
)
ACTIONS_UNDELIVERED: Final = Counter(
    "tidemill_actions_undelivered_total",
    "Calls that were not made, by the kind of failure.",
    "calls",
    ("failure",),
)
ACTIONS_RECORD_ANSWERS: Final = Counter(
    "tidemill_actions_record_answers_total", "Calls answered from the ledger, with nothing run.", "calls"
)
ACTIONS_JOINED: Final = Counter(
    "tidemill_actions_joined_total", "Calls that met their own key under way and waited for it.", "calls"
)
ACTIONS_LATE_OUTCOMES: Final = Counter(
    "tidemill_actions_late_outcomes_total", "Outcomes that came when another one stood already.", "calls"
)
ACTIONS_LEASES_LOST: Final = Counter(
    "tidemill_actions_leases_lost_total",
    "Leases of this replica that had run out: it was paused, or the ledger was away, for too long.",
    "leases",
)
ACTIONS_CALL_LATENCY: Final = Latency(
    "tidemill_actions_call_latency_seconds",
    "Time of a call in this service, waiting for its turn and the ledger included.",
    start="the call is taken off its stream",
    end="its answer is ready to be sent",
    labels=("action",),
)
ACTIONS_BATCH_SIZE: Final = Size(
    "tidemill_actions_batch_size", "Calls that are claimed in one commit.", "calls"
)
ACTIONS_IN_FLIGHT: Final = Gauge(
    "tidemill_actions_in_flight", "Calls that were admitted and are not answered.", "calls"
)
ACTIONS_QUEUED: Final = Gauge("tidemill_actions_queued", "Calls that wait for their turn.", "calls")
ACTIONS_STREAMS: Final = Gauge("tidemill_actions_streams", "Engines' streams that are open.", "streams")
ACTIONS_SETTLED_WAITING: Final = Gauge(
    "tidemill_actions_settled_waiting", "Settled keys that are not yet noted in the ledger.", "keys"
)
ACTIONS_THREADS_LOST: Final = Gauge(
    "tidemill_actions_threads_lost", "Threads of plain functions that never came back in time.", "threads"
)
ACTIONS_CALL: Final = Span(
    "actions.call", "Runs one attempt of an action.", ("action", "execution_id", "task_reference", "attempt")
)
