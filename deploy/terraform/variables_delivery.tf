# --- Metric stream

variable "output_format" {
  description = "Output format of the metric stream, opentelemetry1.0 or opentelemetry0.7. The function reads both, even in one record."
  type        = string
  default     = "opentelemetry1.0"
  nullable    = false

  validation {
    condition     = contains(["opentelemetry1.0", "opentelemetry0.7"], var.output_format)
    error_message = "The value of output_format must be one of opentelemetry1.0, opentelemetry0.7."
  }
}

variable "include_filters" {
  description = "What to stream, as { namespace = \"AWS/S3\" } or { namespace = \"AWS/EC2\", metric_names = [\"CPUUtilization\"] }. An empty list streams everything."
  # Not a type of objects, which would ignore a misspelt metric_names, and take the whole namespace.
  type     = any
  default  = []
  nullable = false

  validation {
    condition     = try(alltrue([for filter in var.include_filters : length(setsubtract(keys(filter), ["namespace", "metric_names"])) == 0]), false)
    error_message = "Each of include_filters must have a namespace, and may have metric_names."
  }

  validation {
    condition     = try(alltrue([for filter in var.include_filters : try(filter.metric_names, null) == null ? true : length(tolist(filter.metric_names)) > 0]), false)
    error_message = "The metric_names of include_filters must be left out, or be a list of at least one name."
  }

  validation {
    condition = try(alltrue(flatten([
      for filter in var.include_filters : [
        for text in concat([filter.namespace], try(tolist(filter.metric_names), null) == null ? [] : filter.metric_names) : can(regex("^[^:].{0,254}$", text))
      ]
    ])), false)
    error_message = "Each namespace and metric name of include_filters must have 1 to 255 characters, and must not begin with a colon."
  }
}

variable "exclude_filters" {
  description = "What to leave out, written like include_filters. Only one of the two may be set."
  type        = any
  default     = []
  nullable    = false

  validation {
    condition     = try(alltrue([for filter in var.exclude_filters : length(setsubtract(keys(filter), ["namespace", "metric_names"])) == 0]), false)
    error_message = "Each of exclude_filters must have a namespace, and may have metric_names."
  }

  validation {
    condition     = try(alltrue([for filter in var.exclude_filters : try(filter.metric_names, null) == null ? true : length(tolist(filter.metric_names)) > 0]), false)
    error_message = "The metric_names of exclude_filters must be left out, or be a list of at least one name."
  }

  validation {
    condition = try(alltrue(flatten([
      for filter in var.exclude_filters : [
        for text in concat([filter.namespace], try(tolist(filter.metric_names), null) == null ? [] : filter.metric_names) : can(regex("^[^:].{0,254}$", text))
      ]
    ])), false)
    error_message = "Each namespace and metric name of exclude_filters must have 1 to 255 characters, and must not begin with a colon."
  }
}

variable "statistics_metrics" {
  description = "Metrics to stream percentiles of."
  type = list(object({
    namespace   = string
    metric_name = string
  }))
  default  = []
  nullable = false

  validation {
    condition = alltrue(flatten([
      for metric in var.statistics_metrics : [
        for text in [metric.namespace, metric.metric_name] : can(regex("^[^:].{0,254}$", text))
      ]
    ]))
    error_message = "Each namespace and metric name of statistics_metrics must have 1 to 255 characters, and must not begin with a colon."
  }
}

variable "additional_statistics" {
  description = "Percentiles to stream for each of statistics_metrics. CloudWatch bills every five of them as one more metric update."
  type        = list(string)
  default     = ["p50", "p90", "p99"]
  nullable    = false

  validation {
    condition     = length(var.additional_statistics) > 0 && alltrue([for text in var.additional_statistics : can(regex("^p(100|[0-9]{1,2}(\\.[0-9]{1,10})?)$", text))])
    error_message = "The value of additional_statistics must be percentiles such as p50 or p99.9."
  }
}

variable "include_linked_accounts" {
  description = "Whether a monitoring account also streams the metrics of its linked source accounts."
  type        = bool
  default     = false
  nullable    = false
}

# --- Names and labels

variable "naming_profile" {
  description = "Names and labels of the series, for dashboards that exist: logzio, yace, cloudwatch_exporter or otel."
  type        = string
  default     = "logzio"
  nullable    = false

  validation {
    condition     = contains(["logzio", "yace", "cloudwatch_exporter", "otel"], var.naming_profile)
    error_message = "The value of naming_profile must be one of logzio, yace, cloudwatch_exporter, otel."
  }
}

variable "statistics" {
  description = "Which statistics become series, such as Average,Maximum,p99.9; p* means all percentiles. Empty means all that the naming profile has."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^((Average|Sum|Minimum|Maximum|SampleCount|p\\*|p0\\.[0-9]{0,11}[1-9]|p[1-9][0-9]?(\\.[0-9]{1,12})?)(, ?(Average|Sum|Minimum|Maximum|SampleCount|p\\*|p0\\.[0-9]{0,11}[1-9]|p[1-9][0-9]?(\\.[0-9]{1,12})?))*)?$", var.statistics))
    error_message = "The value of statistics must list Average, Sum, Minimum, Maximum, SampleCount, p* or percentiles such as p99.9, separated by commas."
  }
}

variable "external_labels" {
  description = "Labels for every series that has none of that name, such as { env = \"production\" }."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for value in values(var.external_labels) : value != null])
    error_message = "The values of external_labels must not be null."
  }

  validation {
    condition     = alltrue([for name in keys(var.external_labels) : can(regex("^[a-zA-Z_][a-zA-Z0-9_]*$", name)) && !contains(["__name__", "quantile", "le"], name)])
    error_message = "The names of external_labels must be letters, digits and underscores, begin with no digit, and be none of __name__, quantile, le."
  }
}

# --- Delivery and backup

variable "ingress" {
  description = "How Firehose reaches the function: over HTTP (HttpApi, RestApi or FunctionUrl), or with Transformation, where S3 is the destination and the function its processor."
  type        = string
  default     = "HttpApi"
  nullable    = false

  validation {
    condition     = contains(["HttpApi", "RestApi", "FunctionUrl", "Transformation"], var.ingress)
    error_message = "The value of ingress must be one of HttpApi, RestApi, FunctionUrl, Transformation."
  }
}

variable "buffer_interval_seconds" {
  description = "Longest time that Firehose buffers records."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.buffer_interval_seconds >= 0 && var.buffer_interval_seconds <= 900
    error_message = "The value of buffer_interval_seconds must be from 0 to 900."
  }
}

variable "retry_duration_seconds" {
  description = "How long Firehose retries a delivery before it writes it to the backup bucket."
  type        = number
  default     = 3600
  nullable    = false

  validation {
    condition     = var.retry_duration_seconds >= 0 && var.retry_duration_seconds <= 7200
    error_message = "The value of retry_duration_seconds must be from 0 to 7200."
  }
}

variable "s3_backup_mode" {
  description = "What Firehose writes to the backup bucket, FailedDataOnly or AllData."
  type        = string
  default     = "FailedDataOnly"
  nullable    = false

  validation {
    condition     = contains(["FailedDataOnly", "AllData"], var.s3_backup_mode)
    error_message = "The value of s3_backup_mode must be one of FailedDataOnly, AllData."
  }
}

variable "backup_retention_days" {
  description = "Days until objects in the backup bucket expire."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.backup_retention_days >= 1 && var.backup_retention_days <= 3650
    error_message = "The value of backup_retention_days must be from 1 to 3650."
  }
}
