"""What is counted, for Prometheus at /metrics. Labels come from our own names, never from what callers send."""

from prometheus_client import Counter, Gauge, Histogram

STREAM_START = Histogram(
    "stream_start_latency_seconds",
    "From the arrival of an operation to the grant of a signed URL",
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2),
)
STREAMS = Counter("streams_total", "Grants", ("quality", "tier"))
CACHE_HITS = Counter("cache_hits_total", "Look-ups in a cache", ("cache", "result"))
OPERATION_SECONDS = Histogram("operation_duration_seconds", "Operations by their first root field", ("kind", "field"))
OPERATION_STATEMENTS = Histogram(
    "operation_sql_statements",
    "SQL statements of an operation, by its first root field",
    ("kind", "field"),
    buckets=(0, 1, 2, 3, 5, 8, 13, 21, 34),
)
ERRORS = Counter("errors_total", "Errors in answers", ("code",))
CHARGES = Counter("rate_limit_uses_total", "Uses charged to a budget", ("limit", "result"))
OPEN_SOCKETS = Gauge("open_sockets", "Websockets that are open")
OPEN_SUBSCRIPTIONS = Gauge("open_subscriptions", "Subscriptions that are running", ("field",))
JOB_RUNS = Counter(
    "job_runs_total", "Runs of a job: done, failed, or unavailable for want of a store", ("job", "result")
)
JOB_SECONDS = Histogram("job_seconds", "Runs of a job", ("job",), buckets=(0.01, 0.1, 1, 10, 60, 300, 1800))
LIBRARY_OPERATIONS = Counter("library_operations_total", "Changes of libraries", ("operation", "item_type"))
SYNC_LAG = Histogram(
    "sync_lag_seconds",
    "From the transaction of a change to the subscription that reads it",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 15, 60),
)
