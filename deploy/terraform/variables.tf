# --- What CloudFormation gets from the stack and from `sam build`

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

variable "function_zip" {
  description = "Path of the function's package, as `make package` writes it."
  type        = string
  nullable    = false
}

variable "logs_extension_zip" {
  description = "Path of the layer with the logs extension. Null means dist/logs-extension.zip, as `make layer` writes it."
  type        = string
  default     = null
}

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

# --- Logz.io

variable "metrics_token" {
  description = "The token to ship metrics with (user:password for basic). The stack keeps it in a secret, and Firehose sends it as its access key. Answer none if token_secret_arn is set, or where no token is needed (prometheus_workspace_arn, remote_write_auth none) and the stack generates an access key."
  type        = string
  default     = "none"
  nullable    = false
  sensitive   = true

  validation {
    condition     = can(regex("^(none|[^\"\\\\\\s]{8,})$", var.metrics_token)) && length(var.metrics_token) <= 4096
    error_message = "The value of metrics_token must be none, or have 8 to 4096 characters without quotes, backslashes and white space."
  }
}

variable "logzio_region" {
  description = "Region of the Logz.io account. Empty means the region that belongs to the stack's AWS region: us in us-east-1, eu in eu-central-1, uk in eu-west-2, ca in ca-central-1, au in ap-southeast-2. Set none where settings names an OTLP endpoint."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = contains(["", "us", "eu", "uk", "ca", "au", "none"], var.logzio_region)
    error_message = "The value of logzio_region must be empty or one of us, eu, uk, ca, au, none."
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

# --- Another listener, or a secret of your own

variable "prometheus_workspace_arn" {
  description = "ARN of a workspace of Amazon Managed Prometheus to send to, instead of logzio_region and listener_url. Requests are signed, and metrics_token is answered with none."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:aps:[a-z0-9-]+:[0-9]{12}:workspace/ws-[0-9a-f-]+)?$", var.prometheus_workspace_arn))
    error_message = "The value of prometheus_workspace_arn must be empty or the ARN of a workspace of Amazon Managed Prometheus."
  }
}

variable "prometheus_role_arn" {
  description = "ARN of a role in the account of that workspace, which the function assumes to send. Empty means that the function's own role may write to the workspace."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:iam::[0-9]{12}:role/[^*]+)?$", var.prometheus_role_arn))
    error_message = "The value of prometheus_role_arn must be empty or the ARN of a role."
  }
}

variable "token_secret_arn" {
  description = "ARN of an existing secret with the value {\"api_key\":\"<token>\"}, instead of metrics_token, which is then none."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+)?$", var.token_secret_arn))
    error_message = "The value of token_secret_arn must be empty or the ARN of a secret."
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

variable "remote_write_headers_arn" {
  description = "ARN of an existing secret with further headers for the listener as a JSON object, such as {\"X-Scope-OrgID\":\"tenant\"}."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+)?$", var.remote_write_headers_arn))
    error_message = "The value of remote_write_headers_arn must be empty or the ARN of a secret."
  }
}

variable "p8s_logzio_name" {
  description = "Value of the label p8s_logzio_name, which names the environment in Logz.io. Empty means logzio-otlp-metrics-stream with the naming profile logzio, and no such label with any other one."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(\\S(.*\\S)?)?$", var.p8s_logzio_name))
    error_message = "The value of p8s_logzio_name must not begin or end with white space."
  }

  validation {
    condition     = length(var.p8s_logzio_name) <= 1024
    error_message = "The value of p8s_logzio_name must have at most 1024 characters."
  }
}
