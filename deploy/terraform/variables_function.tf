# --- Function

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

variable "delivery_budget_seconds" {
  description = "Time that a delivery may take, at most 28 with HttpApi and RestApi, since an API Gateway gives up after 29 s."
  type        = number
  default     = 25
  nullable    = false

  validation {
    condition     = var.delivery_budget_seconds >= 5 && var.delivery_budget_seconds <= 295
    error_message = "The value of delivery_budget_seconds must be from 5 to 295."
  }
}

variable "reserved_concurrency" {
  description = "Limit of concurrent executions, which bounds the cost of a public Function URL. -1 reserves none."
  type        = number
  default     = -1
  nullable    = false

  validation {
    condition     = var.reserved_concurrency >= -1 && var.reserved_concurrency <= 1000
    error_message = "The value of reserved_concurrency must be from -1 to 1000."
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

variable "settings" {
  description = "Further environment variables of all functions, such as { LABEL_VALUE_CASE = \"keep\" }. No secrets."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for value in values(var.settings) : value != null])
    error_message = "The values of settings must not be null."
  }
}

# --- Tags of resources

variable "create_tags" {
  description = "Whether a third function reads the tags of resources and sends them as series, to join with their metrics."
  type        = bool
  default     = false
  nullable    = false
}

variable "tag_refresh_minutes" {
  description = "Minutes from one reading of all tags to the next."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = contains([5, 10, 15, 20, 30, 60], var.tag_refresh_minutes)
    error_message = "The value of tag_refresh_minutes must be one of 5, 10, 15, 20, 30, 60."
  }
}

variable "tag_role_arns" {
  description = "ARNs of roles in other accounts whose tags are read too, one for each account."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.tag_role_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*,\\s]+$", arn))])
    error_message = "The values of tag_role_arns must be ARNs of roles."
  }
}

# --- What an account requires

variable "subnet_ids" {
  description = "Subnets for all functions, for a listener in a private network. The listener, Secrets Manager and STS must be reachable from them."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "security_group_ids" {
  description = "Security groups for the functions in these subnets."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of an existing KMS key that encrypts the backup bucket and the log groups. Its policy must let CloudWatch Logs use it."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[^*]+)?$", var.kms_key_arn))
    error_message = "The value of kms_key_arn must be empty or the ARN of a key."
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

# --- The function's own logs

variable "logs_destination" {
  description = "Where to ship the function's own logs: logzio, loki, openobserve or datatap. Logs are shipped once logs_token_secret_arn is set (for Loki without a password, logs_listener)."
  type        = string
  default     = "logzio"
  nullable    = false

  validation {
    condition     = contains(["logzio", "loki", "openobserve", "datatap"], var.logs_destination)
    error_message = "The value of logs_destination must be one of logzio, loki, openobserve, datatap."
  }
}

variable "logs_token_secret_arn" {
  description = "ARN of an existing secret with the token to ship logs with (Loki: the password; OpenObserve: the whole Authorization header), as text or as {\"api_key\":\"<token>\"}."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+)?$", var.logs_token_secret_arn))
    error_message = "The value of logs_token_secret_arn must be empty or the ARN of a secret."
  }
}

variable "logs_listener" {
  description = "URL to ship logs to, required for Loki and a Data Tap. Empty means Logz.io's listener of logzio_region or of the AWS region, or OpenObserve's cloud."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(https?://[^@\\s]+)?$", var.logs_listener))
    error_message = "The value of logs_listener must be empty or an http(s) URL without credentials."
  }
}

# --- Alarms and dashboard

variable "alarm_target" {
  description = "What alarms notify, an e-mail address or the ARN of an SNS topic. AWS first sends a mail with a link to confirm an address. Empty means alarms that notify nobody, and none means no alarms."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(none|[^@\\s:]+@[^@\\s:]+|arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[^*]+)?$", var.alarm_target))
    error_message = "The value of alarm_target must be empty, an e-mail address, the ARN of an SNS topic, or none."
  }
}

variable "create_dashboard" {
  description = "Whether to create the CloudWatch dashboard of the pipeline."
  type        = bool
  default     = true
  nullable    = false
}
