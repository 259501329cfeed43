# --- The function's own logs

variable "logs_extension_zip" {
  description = "Path of the layer with the logs extension. Null means dist/logs-extension.zip, as `make layer` writes it."
  type        = string
  default     = null
}

variable "logs_destination" {
  description = "Where the function's own logs are shipped to (logzio, loki, openobserve or datatap), once logs_token or logs_token_secret_arn is set (for Loki without a password, logs_listener)."
  type        = string
  default     = "logzio"
  nullable    = false

  validation {
    condition     = contains(["logzio", "loki", "openobserve", "datatap"], var.logs_destination)
    error_message = "The value of logs_destination must be one of logzio, loki, openobserve, datatap."
  }
}

variable "logs_token" {
  description = "The token to ship logs with (Loki's password, OpenObserve's whole Authorization header). It is kept in a secret. Empty ships none, unless logs_token_secret_arn is set."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.logs_token == null || can(regex("^([^\"\\\\\\s]+( [^\"\\\\\\s]+)?)?$", var.logs_token))
    error_message = "The value of logs_token must hold no quote or backslash, and at most one space."
  }

  validation {
    condition     = try(length(var.logs_token), 0) <= 4096
    error_message = "The value of logs_token must have at most 4096 characters."
  }
}

variable "logs_token_secret_arn" {
  description = "ARN of an existing secret whose value is that token, or {\"api_key\":\"<token>\"}, instead of logs_token."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+)?$", var.logs_token_secret_arn))
    error_message = "The value of logs_token_secret_arn must be empty or the ARN of a secret."
  }
}

variable "logs_token_secret_kms_key_arn" {
  description = "ARN of the customer managed key that logs_token_secret_arn is encrypted with, if it is."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[^*]+)?$", var.logs_token_secret_kms_key_arn))
    error_message = "The value of logs_token_secret_kms_key_arn must be empty or the ARN of a key."
  }
}

variable "logs_listener" {
  description = "URL that logs are shipped to. Loki and a Data Tap need one; empty means Logz.io's of logzio_region or the AWS region, or OpenObserve's cloud."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(https?://[^@\\s]+)?$", var.logs_listener))
    error_message = "The value of logs_listener must be empty or an http(s) URL without credentials."
  }
}

variable "logs_type" {
  description = "With Logz.io, the type of the logs."
  type        = string
  default     = "lambda-extension-logs"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]+$", var.logs_type))
    error_message = "The value of logs_type must have letters, digits, dots, hyphens and underscores only."
  }
}

variable "logs_user" {
  description = "With Loki, the user that the password belongs to."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[^:\\s]*$", var.logs_user))
    error_message = "The value of logs_user must hold no colon and no white space."
  }
}

variable "logs_tenant" {
  description = "With Loki, the tenant, where it has several."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[^\\s]*$", var.logs_tenant))
    error_message = "The value of logs_tenant must hold no white space."
  }
}

variable "logs_labels" {
  description = "With Loki, further labels, as name=value and separated by commas."
  type        = string
  default     = ""
  nullable    = false
}

variable "logs_organization" {
  description = "With OpenObserve, the organization, which it needs."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[^/\\s]*$", var.logs_organization))
    error_message = "The value of logs_organization must hold no slash and no white space."
  }
}

variable "logs_stream" {
  description = "With OpenObserve, the stream."
  type        = string
  default     = "default"
  nullable    = false

  validation {
    condition     = can(regex("^[^/\\s]+$", var.logs_stream))
    error_message = "The value of logs_stream must not be empty, and hold no slash and no white space."
  }
}

variable "logs_telemetry_types" {
  description = "What is shipped, of function, platform and extension. Empty means the function's lines; all three for OpenObserve and a Data Tap."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^((function|platform|extension)(,(function|platform|extension))*)?$", var.logs_telemetry_types))
    error_message = "The value of logs_telemetry_types must be empty or some of function, platform, extension, separated by commas."
  }
}

variable "logs_min_level" {
  description = "Lines of a lower level than this (TRACE, DEBUG, INFO, WARN, ERROR or FATAL) are not shipped. Empty ships all, and so do lines without a level."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = contains(["", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"], var.logs_min_level)
    error_message = "The value of logs_min_level must be empty or one of TRACE, DEBUG, INFO, WARN, ERROR, FATAL."
  }
}

variable "logs_sample_rate" {
  description = "Share of the function's lines that is shipped, from 0 to 1."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.logs_sample_rate >= 0 && var.logs_sample_rate <= 1
    error_message = "The value of logs_sample_rate must be from 0 to 1."
  }
}

variable "logs_redact" {
  description = "Regular expressions, as a JSON array, of what is replaced in lines before they are shipped."
  type        = string
  default     = ""
  nullable    = false
}

variable "logs_custom_fields" {
  description = "With Logz.io, further fields of every record, as name=value and separated by commas."
  type        = string
  default     = ""
  nullable    = false
}

variable "logs_flush_budget_milliseconds" {
  description = "Most time that shipping may add to an invocation while the destination is slow or down."
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.logs_flush_budget_milliseconds >= 10 && var.logs_flush_budget_milliseconds <= 30000
    error_message = "The value of logs_flush_budget_milliseconds must be from 10 to 30000."
  }
}
