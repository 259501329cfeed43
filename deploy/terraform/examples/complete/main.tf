# A pipeline for two namespaces, behind a Function URL, with alarms to a topic of its own.

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

resource "aws_sns_topic" "alarms" {
  #checkov:skip=CKV_AWS_26:CloudWatch cannot publish to a topic encrypted with alias/aws/sns; take a key of your own.
  name = "metric-stream-alarms"
}

module "metric_stream" {
  source = "../.."

  name          = "metric-stream-lambda"
  function_zip  = "${path.root}/../../../../dist/metric-stream-lambda.zip"
  metrics_token = var.metrics_token

  p8s_logzio_name      = "production"
  ingress              = "FunctionUrl"
  content_encoding     = "GZIP"
  reserved_concurrency = 20

  include_namespaces = ["AWS/EC2", "AWS/Lambda"]
  additional_statistics = [
    {
      namespace    = "AWS/Lambda"
      metric_names = ["Duration", "PostRuntimeExtensionsDuration"]
    },
  ]

  alarm_topic_arn = aws_sns_topic.alarms.arn
}

output "metric_stream_name" {
  description = "The CloudWatch metric stream."
  value       = module.metric_stream.metric_stream_name
}

output "backup_bucket_name" {
  description = "Where Firehose keeps what was not delivered."
  value       = module.metric_stream.backup_bucket_name
}
