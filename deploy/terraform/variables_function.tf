# --- Function

variable "architecture" {
  description = "Processor architecture of the function, arm64 or x86_64. Build for the same one."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The value of architecture must be one of arm64, x86_64."
  }
}

variable "function_memory_mb" {
  description = "Memory of the function. Its share of CPU grows with it."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.function_memory_mb >= 256 && var.function_memory_mb <= 10240
    error_message = "The value of function_memory_mb must be from 256 to 10240."
  }
}

variable "function_timeout_seconds" {
  description = "Timeout of the function."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.function_timeout_seconds >= 10 && var.function_timeout_seconds <= 300
    error_message = "The value of function_timeout_seconds must be from 10 to 300."
  }
}

variable "delivery_budget_seconds" {
  description = "Time that a delivery may take. Keep it below the 29 s after which an API Gateway gives up."
  type        = number
  default     = 25
  nullable    = false

  validation {
    condition     = var.delivery_budget_seconds >= 5 && var.delivery_budget_seconds <= 295
    error_message = "The value of delivery_budget_seconds must be from 5 to 295."
  }
}

variable "reserved_concurrency" {
  description = "Limit of concurrent executions, which bounds the cost of a public endpoint. -1 reserves none."
  type        = number
  default     = -1
  nullable    = false

  validation {
    condition     = var.reserved_concurrency >= -1 && var.reserved_concurrency <= 1000
    error_message = "The value of reserved_concurrency must be from -1 to 1000."
  }
}

variable "log_level" {
  description = "Lowest level of the function's log lines: DEBUG, INFO, WARNING, ERROR or CRITICAL."
  type        = string
  default     = "INFO"
  nullable    = false

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], var.log_level)
    error_message = "The value of log_level must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL."
  }
}

variable "log_retention_days" {
  description = "Days to keep logs."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "The value of log_retention_days must be a number of days that CloudWatch Logs knows, such as 14, 30 or 365."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary of all roles, if the account requires one."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:iam::[0-9]{12}:policy/[^*]+)?$", var.permissions_boundary_arn))
    error_message = "The value of permissions_boundary_arn must be empty or the ARN of a policy."
  }
}

# --- Alarms and dashboard

variable "create_alarms" {
  description = "Whether to create alarms."
  type        = bool
  default     = true
  nullable    = false
}

variable "create_dashboard" {
  description = "Whether to create the CloudWatch dashboard of the pipeline."
  type        = bool
  default     = true
  nullable    = false
}

variable "alarm_topic_arn" {
  description = "ARN of the SNS topic that alarms notify. Empty means none."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[^*]+)?$", var.alarm_topic_arn))
    error_message = "The value of alarm_topic_arn must be empty or the ARN of an SNS topic."
  }
}
