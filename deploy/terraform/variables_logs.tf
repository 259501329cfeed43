# --- The function's own logs

variable "logs_extension_zip" {
  description = "Path of the layer with the logs extension. Null means dist/logs-extension.zip, as `make layer` writes it."
  type        = string
  default     = null
}

variable "logs_destination" {
  description = "Where to ship the function's own logs: logzio, loki, openobserve or datatap. Logs are shipped once logs_token or logs_token_secret_arn is set (for Loki without a password, logs_listener)."
  type        = string
  default     = "logzio"
  nullable    = false

  validation {
    condition     = contains(["logzio", "loki", "openobserve", "datatap"], var.logs_destination)
    error_message = "The value of logs_destination must be one of logzio, loki, openobserve, datatap."
  }
}

variable "logs_token" {
  description = "The token to ship logs with (Loki: the password; OpenObserve: the whole Authorization header). The stack keeps it in a secret. Empty ships no logs, unless logs_token_secret_arn is set."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.logs_token == null || can(regex("^([^\"\\\\\\s]+( [^\"\\\\\\s]+)?)?$", var.logs_token))
    error_message = "The value of logs_token must not contain quotes, backslashes or more than one space."
  }

  validation {
    condition     = try(length(var.logs_token), 0) <= 4096
    error_message = "The value of logs_token must have at most 4096 characters."
  }
}

variable "logs_token_secret_arn" {
  description = "ARN of an existing secret with that token, as text or as {\"api_key\":\"<token>\"}, instead of logs_token."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+)?$", var.logs_token_secret_arn))
    error_message = "The value of logs_token_secret_arn must be empty or the ARN of a secret."
  }
}

variable "logs_token_secret_kms_key_arn" {
  description = "ARN of the customer managed key that encrypts the secret of logs_token_secret_arn, if there is one."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[^*]+)?$", var.logs_token_secret_kms_key_arn))
    error_message = "The value of logs_token_secret_kms_key_arn must be empty or the ARN of a key."
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

variable "logs_type" {
  description = "Logz.io only: the type of the logs."
  type        = string
  default     = "lambda-extension-logs"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]+$", var.logs_type))
    error_message = "The value of logs_type must consist of letters, digits, dots, hyphens and underscores."
  }
}

variable "logs_user" {
  description = "Loki only: the user that the password belongs to."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[^:\\s]*$", var.logs_user))
    error_message = "The value of logs_user must not contain colons or white space."
  }
}

variable "logs_tenant" {
  description = "Loki only: the tenant, if there are several."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[^\\s]*$", var.logs_tenant))
    error_message = "The value of logs_tenant must not contain white space."
  }
}

variable "logs_labels" {
  description = "Loki only: further labels as name=value, separated by commas."
  type        = string
  default     = ""
  nullable    = false
}

variable "logs_organization" {
  description = "OpenObserve only: the organization, which is required."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[^/\\s]*$", var.logs_organization))
    error_message = "The value of logs_organization must not contain slashes or white space."
  }
}

variable "logs_stream" {
  description = "OpenObserve only: the stream."
  type        = string
  default     = "default"
  nullable    = false

  validation {
    condition     = can(regex("^[^/\\s]+$", var.logs_stream))
    error_message = "The value of logs_stream must not be empty or contain slashes or white space."
  }
}

variable "logs_telemetry_types" {
  description = "What to ship: function, platform and extension, separated by commas. Empty means function; for OpenObserve and a Data Tap, all three."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^((function|platform|extension)(,(function|platform|extension))*)?$", var.logs_telemetry_types))
    error_message = "The value of logs_telemetry_types must be empty or some of function, platform, extension, separated by commas."
  }
}

variable "logs_min_level" {
  description = "Lowest level of the lines to ship: TRACE, DEBUG, INFO, WARN, ERROR or FATAL. Empty ships all. Lines without a level are always shipped."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = contains(["", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"], var.logs_min_level)
    error_message = "The value of logs_min_level must be empty or one of TRACE, DEBUG, INFO, WARN, ERROR, FATAL."
  }
}

variable "logs_sample_rate" {
  description = "Share of the function's lines to ship, such as 0.1."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.logs_sample_rate >= 0 && var.logs_sample_rate <= 1
    error_message = "The value of logs_sample_rate must be from 0 to 1."
  }
}

variable "logs_redact" {
  description = "Regular expressions, as a JSON array, whose matches are replaced before lines are shipped."
  type        = string
  default     = ""
  nullable    = false
}

variable "logs_custom_fields" {
  description = "Logz.io only: further fields of every record as name=value, separated by commas."
  type        = string
  default     = ""
  nullable    = false
}

variable "logs_flush_budget_milliseconds" {
  description = "Longest time that shipping may add to an invocation while the destination is slow or down."
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.logs_flush_budget_milliseconds >= 10 && var.logs_flush_budget_milliseconds <= 30000
    error_message = "The value of logs_flush_budget_milliseconds must be from 10 to 30000."
  }
}
