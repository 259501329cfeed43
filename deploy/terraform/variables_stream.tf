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

variable "include_namespaces" {
  description = "Namespaces to stream. An empty list streams all."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for n in var.include_namespaces : length(n) >= 1 && length(n) <= 255])
    error_message = "Each of include_namespaces must have 1 to 255 characters."
  }
}

variable "exclude_namespaces" {
  description = "Namespaces to leave out. Not together with include_namespaces."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for n in var.exclude_namespaces : length(n) >= 1 && length(n) <= 255])
    error_message = "Each of exclude_namespaces must have 1 to 255 characters."
  }
}

variable "additional_statistics" {
  description = "Metrics with additional percentiles. The OpenTelemetry formats support percentiles only."
  type = list(object({
    namespace    = string
    metric_names = list(string)
    statistics   = optional(list(string), ["p50", "p90", "p99"])
  }))
  default  = []
  nullable = false

  validation {
    condition = alltrue(flatten([
      for s in var.additional_statistics : [
        for n in concat([s.namespace], s.metric_names) : length(n) >= 1 && length(n) <= 255
      ]
    ]))
    error_message = "Each namespace and metric name of additional_statistics must have 1 to 255 characters."
  }

  validation {
    condition = alltrue([
      for s in var.additional_statistics : length(s.metric_names) > 0 && length(s.statistics) > 0
    ])
    error_message = "Each of additional_statistics needs at least one metric name and one statistic."
  }
}

variable "include_linked_accounts" {
  description = "Whether a monitoring account also streams the metrics of its linked source accounts."
  type        = bool
  default     = false
  nullable    = false
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

variable "buffer_size_mb" {
  description = "Size of Firehose's buffer. With more than 3 a delivery could exceed Lambda's 6 MB, and Firehose would discard it."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.buffer_size_mb >= 1 && var.buffer_size_mb <= 3
    error_message = "The value of buffer_size_mb must be from 1 to 3."
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

variable "content_encoding" {
  description = "Firehose's content encoding, NONE or GZIP. GZIP takes effect with FunctionUrl only, since an API Gateway may destroy a gzip body."
  type        = string
  default     = "NONE"
  nullable    = false

  validation {
    condition     = contains(["NONE", "GZIP"], var.content_encoding)
    error_message = "The value of content_encoding must be one of NONE, GZIP."
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

variable "transform_result" {
  description = "With Transformation, whether delivered records are dropped (Dropped) or also written to the bucket (Ok)."
  type        = string
  default     = "Dropped"
  nullable    = false

  validation {
    condition     = contains(["Dropped", "Ok"], var.transform_result)
    error_message = "The value of transform_result must be one of Dropped, Ok."
  }
}

variable "transform_retries" {
  description = "With Transformation, how often Firehose repeats an invocation that failed, as it does while the listener is not available."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.transform_retries >= 0 && var.transform_retries <= 100
    error_message = "The value of transform_retries must be from 0 to 100."
  }
}

variable "create_replay_function" {
  description = "Whether to create the function that sends the backup to the listener. It runs only when you invoke it."
  type        = bool
  default     = true
  nullable    = false
}
