# What CloudFormation gets from the stack and from `sam build`.

variable "function_zip" {
  description = "Path of the function's package, as `make package` writes it."
  type        = string
  nullable    = false
}

variable "name" {
  description = "Prefix of the names of all resources, like the stack's name in CloudFormation."
  type        = string
  default     = "metric-stream-lambda"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,26}$", var.name))
    error_message = "The value of name must have at most 27 lower-case letters, digits and hyphens."
  }
}

# --- Listener

variable "metrics_token" {
  description = "The token to ship metrics with (user:password for basic). The stack keeps it in a secret. Firehose sends it as its access key, so choose a long random one even if remote_write_auth is none. Leave it empty if token_secret_arn is set."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.metrics_token == null || can(regex("^[^\"\\\\\\s]*$", var.metrics_token))
    error_message = "The value of metrics_token must not contain quotes, backslashes or white space."
  }

  validation {
    condition     = try(length(var.metrics_token), 0) <= 4096
    error_message = "The value of metrics_token must have at most 4096 characters."
  }
}

variable "token_secret_arn" {
  description = "ARN of an existing secret with the value {\"api_key\":\"<token>\"}, instead of metrics_token."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+)?$", var.token_secret_arn))
    error_message = "The value of token_secret_arn must be empty or the ARN of a secret."
  }
}

variable "token_secret_kms_key_arn" {
  description = "ARN of the customer managed key that encrypts the secret of token_secret_arn, if there is one."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[^*]+)?$", var.token_secret_kms_key_arn))
    error_message = "The value of token_secret_kms_key_arn must be empty or the ARN of a key."
  }
}

variable "logzio_region" {
  description = "Region of the Logz.io account. Empty means the region that belongs to the stack's AWS region: us in us-east-1, eu in eu-central-1, uk in eu-west-2, ca in ca-central-1, au in ap-southeast-2."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = contains(["", "us", "eu", "uk", "ca", "au"], var.logzio_region)
    error_message = "The value of logzio_region must be empty or one of us, eu, uk, ca, au."
  }
}

variable "listener_url" {
  description = "Remote-write URL with its path, for an endpoint other than Logz.io's. It takes precedence over logzio_region."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(https?://[^@\\s]+)?$", var.listener_url))
    error_message = "The value of listener_url must be empty or an http(s) URL without credentials."
  }
}

variable "remote_write_auth" {
  description = "How the token is sent to the listener: bearer, basic or none."
  type        = string
  default     = "bearer"
  nullable    = false

  validation {
    condition     = contains(["bearer", "basic", "none"], var.remote_write_auth)
    error_message = "The value of remote_write_auth must be one of bearer, basic, none."
  }
}

variable "remote_write_headers" {
  description = "JSON object of further headers for the listener, such as {\"X-Scope-OrgID\":\"tenant\"}."
  type        = string
  default     = ""
  nullable    = false
  sensitive   = true
}

variable "remote_write_max_bytes" {
  description = "Largest size of a remote-write request, before compression."
  type        = number
  default     = 1000000
  nullable    = false

  validation {
    condition     = var.remote_write_max_bytes >= 10000 && var.remote_write_max_bytes <= 32000000
    error_message = "The value of remote_write_max_bytes must be from 10000 to 32000000."
  }
}

variable "remote_write_concurrency" {
  description = "Number of concurrent remote-write requests of one delivery."
  type        = number
  default     = 4
  nullable    = false

  validation {
    condition     = var.remote_write_concurrency >= 1 && var.remote_write_concurrency <= 32
    error_message = "The value of remote_write_concurrency must be from 1 to 32."
  }
}

variable "listener_timeout_seconds" {
  description = "Timeout of one remote-write request, as a whole."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.listener_timeout_seconds >= 1 && var.listener_timeout_seconds <= 120
    error_message = "The value of listener_timeout_seconds must be from 1 to 120."
  }
}

variable "listener_allowed_hosts" {
  description = "Hosts that the Firehose common attribute CUSTOM_LISTENER may name, separated by commas."
  type        = string
  default     = "*.logz.io"
  nullable    = false
}

variable "p8s_logzio_name" {
  description = "Value of the label p8s_logzio_name, which names the environment in Logz.io."
  type        = string
  default     = "logzio-otlp-metrics-stream"
  nullable    = false

  validation {
    condition     = can(regex("^\\S(.*\\S)?$", var.p8s_logzio_name))
    error_message = "The value of p8s_logzio_name must not be empty, and not begin or end with white space."
  }

  validation {
    condition     = length(var.p8s_logzio_name) <= 1024
    error_message = "The value of p8s_logzio_name must have at most 1024 characters."
  }
}

variable "label_value_case" {
  description = "Whether label values are lower-cased (lower), as Logz.io's dashboards expect, or left as they are (keep)."
  type        = string
  default     = "lower"
  nullable    = false

  validation {
    condition     = contains(["lower", "keep"], var.label_value_case)
    error_message = "The value of label_value_case must be one of lower, keep."
  }
}

variable "unit_label" {
  description = "Whether series have the label unit, so that the points of one metric in two units stay apart."
  type        = bool
  default     = false
  nullable    = false
}

variable "max_labels" {
  description = "Most labels of a series, 10 to 1000. Further dimensions are left out and counted. Empty means no limit."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([1-9][0-9]{1,2}|1000)?$", var.max_labels))
    error_message = "The value of max_labels must be a whole number from 10 to 1000, or empty."
  }
}

variable "native_histograms" {
  description = "Whether exponential histograms are sent as native histograms. Otherwise they are dropped and counted."
  type        = bool
  default     = false
  nullable    = false
}
