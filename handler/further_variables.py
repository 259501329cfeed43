"""The names of variables that SETTINGS may hold beside the function's own.

They are those of the logs extension, a process of its own that shares no code with the function,
and those of the tags function, which a wrong value of them must stop alone. A test compares the
names with those that extension/ and tags/ declare.
"""

OTEL_LABELS = "OTEL_LABEL_"
"""Each variable whose name begins so is the extension's, too."""

EXTENSION_VARIABLES = frozenset(
    {
        *("LOGS_DESTINATION", "TELEMETRY_TYPES", "LOGS_MIN_LEVEL", "LOGS_SAMPLE_RATE"),
        *("LOGS_REDACT", "LOGS_EXCLUDE", "FLUSH_BUDGET_MS", "LOGS_REQUEST_TIMEOUT_MS"),
        *("BUFFER_MAX_BYTES", "LOGS_MAX_ITEMS", "LOGS_MAX_BYTES", "LOGS_TIMEOUT_MS"),
        *("RECEIVER_ADDRESS", "RECEIVER_PORT"),
        *("EXTENSION_LOG_LEVEL", "EXTENSION_NAME"),
        *("LOGZIO_LOGS_TOKEN", "LOGZIO_LOGS_TOKEN_ARN", "LOGZIO_LISTENER", "LOGZIO_REGION"),
        *("LOGZIO_LOGS_TYPE", "ENABLE_PLATFORM_LOGS", "CUSTOM_FIELDS", "JSON_FIELDS_UNDER_ROOT"),
        *("LOKI_URL", "LOKI_IP", "LOKI_USERNAME", "LOKI_PASSWORD", "LOKI_PASSWORD_ARN"),
        *("LOKI_BEARER_TOKEN", "LOKI_BEARER_TOKEN_ARN"),
        *("LOKI_TENANT_ID", "LOKI_STRUCTURED_METADATA", "LOKI_LABELS"),
        *("O2_ORGANIZATION_ID", "O2_AUTHORIZATION_HEADER", "O2_AUTHORIZATION_HEADER_ARN"),
        *("O2_ENDPOINT", "O2_STREAM"),
        *("BD_DATA_TAP_URL", "BD_TAP_CLIENT_TOKEN", "BD_TAP_CLIENT_TOKEN_ARN"),
    }
)

TAG_VARIABLES = frozenset({"EXPORTED_TAGS", "TAG_FILTERS", "TAG_ROLE_ARNS", "TAG_EXTERNAL_ID"})
