# A pipeline for some metrics of two namespaces, behind a Function URL, with a mail for alarms.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.28.0"
    }
  }
}

provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = { project = "metric-stream-lambda" }
  }
}

variable "metrics_token" {
  description = "The token to ship metrics with."
  type        = string
  sensitive   = true
}

module "metric_stream" {
  source = "../.."

  name          = "metric-stream-lambda"
  function_zip  = "${path.root}/../../../../dist/metric-stream-lambda.zip"
  metrics_token = var.metrics_token

  p8s_logzio_name      = "production"
  ingress              = "FunctionUrl"
  reserved_concurrency = 20

  include_filters = [
    { namespace = "AWS/EC2", metric_names = ["CPUUtilization", "NetworkIn", "NetworkOut"] },
    { namespace = "AWS/Lambda" },
  ]
  statistics_metrics = [
    { namespace = "AWS/Lambda", metric_name = "Duration" },
    { namespace = "AWS/Lambda", metric_name = "PostRuntimeExtensionsDuration" },
  ]
  additional_statistics = ["p50", "p99"]

  settings = {
    LABEL_VALUE_CASE = "keep"
    MAX_LABELS       = 30
  }

  alarm_target = "someone@example.org"
}

output "metric_stream_name" {
  description = "The CloudWatch metric stream."
  value       = module.metric_stream.metric_stream_name
}

output "backup_bucket_name" {
  description = "Where Firehose keeps what was not delivered."
  value       = module.metric_stream.backup_bucket_name
}
