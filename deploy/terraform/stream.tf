resource "aws_cloudwatch_metric_stream" "metrics" {
  name                            = var.name
  firehose_arn                    = aws_kinesis_firehose_delivery_stream.delivery.arn
  role_arn                        = aws_iam_role.metric_stream.arn
  output_format                   = var.output_format
  include_linked_accounts_metrics = var.include_linked_accounts

  dynamic "include_filter" {
    for_each = var.include_filters

    content {
      namespace    = include_filter.value.namespace
      metric_names = try(include_filter.value.metric_names, null)
    }
  }

  dynamic "exclude_filter" {
    for_each = var.exclude_filters

    content {
      namespace    = exclude_filter.value.namespace
      metric_names = try(exclude_filter.value.metric_names, null)
    }
  }

  dynamic "statistics_configuration" {
    for_each = length(var.statistics_metrics) == 0 ? [] : [var.additional_statistics]

    content {
      additional_statistics = statistics_configuration.value

      dynamic "include_metric" {
        for_each = var.statistics_metrics

        content {
          namespace   = include_metric.value.namespace
          metric_name = include_metric.value.metric_name
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition     = length(var.include_filters) == 0 || length(var.exclude_filters) == 0
      error_message = "A metric stream includes or excludes metrics, not both. Set include_filters or exclude_filters."
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
        Effect = "Allow"
        # Without a condition on the account: AWS documents none for this service, and one that it
        # does not meet would stop all metrics.
        Principal = { Service = "streams.metrics.cloudwatch.amazonaws.com" }
        Action    = "sts:AssumeRole"
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
