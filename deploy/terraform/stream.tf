resource "aws_cloudwatch_metric_stream" "metrics" {
  name                            = var.name
  firehose_arn                    = aws_kinesis_firehose_delivery_stream.delivery.arn
  role_arn                        = aws_iam_role.metric_stream.arn
  output_format                   = var.output_format
  include_linked_accounts_metrics = var.include_linked_accounts

  dynamic "include_filter" {
    for_each = toset(var.include_namespaces)

    content {
      namespace = include_filter.value
    }
  }

  dynamic "exclude_filter" {
    for_each = toset(var.exclude_namespaces)

    content {
      namespace = exclude_filter.value
    }
  }

  dynamic "statistics_configuration" {
    for_each = var.additional_statistics

    content {
      additional_statistics = statistics_configuration.value.statistics

      dynamic "include_metric" {
        for_each = toset(statistics_configuration.value.metric_names)

        content {
          namespace   = statistics_configuration.value.namespace
          metric_name = include_metric.value
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition     = length(var.include_namespaces) == 0 || length(var.exclude_namespaces) == 0
      error_message = "A metric stream includes or excludes namespaces, not both."
    }
  }

  depends_on = [aws_iam_role_policy.metric_stream]
}

resource "aws_iam_role" "metric_stream" {
  name_prefix          = "${var.name}-stream-"
  permissions_boundary = local.permissions_boundary

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Service = "streams.metrics.cloudwatch.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = {
          StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id }
        }
      },
    ]
  })
}

resource "aws_iam_role_policy" "metric_stream" {
  name = "put-records"
  role = aws_iam_role.metric_stream.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["firehose:PutRecord", "firehose:PutRecordBatch"]
        Resource = [aws_kinesis_firehose_delivery_stream.delivery.arn]
      },
    ]
  })
}
