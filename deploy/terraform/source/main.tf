# The part of the pipeline before the function, which delivers to the function of another stack. It
# has what deploy/source.yaml has. What differs from the whole module is in this file.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.28.0"
    }
  }
}

variable "receiver_url" {
  description = "Where to deliver, which is the output receiver_url of the module with the function."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^https://[^@\\s/.]+\\.[^@\\s]+$", var.receiver_url))
    error_message = "The value of receiver_url must be an https:// URL."
  }
}

variable "metrics_token" {
  description = "The access key of the stack with the function, which is its metrics_token, or else the api_key in its secret. Answer none if token_secret_arn is set."
  type        = string
  default     = "none"
  nullable    = false
  sensitive   = true

  validation {
    condition     = can(regex("^(none|[^\"\\\\\\s]{8,})$", var.metrics_token)) && length(var.metrics_token) <= 4096
    error_message = "The value of metrics_token must be none, or have 8 to 4096 characters without quotes, backslashes and white space."
  }
}

locals {
  is_http         = true
  endpoint_url    = var.receiver_url
  is_function_url = can(regex("^https://[^.]+\\.lambda-url\\.", var.receiver_url))
  generates_key   = false
  makes_secret    = nonsensitive(var.metrics_token != "none")
}

output "token_secret_arn" {
  description = "The secret with the access key."
  value       = local.token_secret_arn

  precondition {
    condition     = local.makes_secret != (var.token_secret_arn != "")
    error_message = "Set metrics_token, or token_secret_arn to an existing secret, not both."
  }
}
