# docs/operations.md says what to do about each alarm.
locals {
  alarm_actions = var.alarm_topic_arn == "" ? [] : [var.alarm_topic_arn]

  function_dimension = { FunctionName = aws_lambda_function.metric_stream.function_name }
  firehose_dimension = { DeliveryStreamName = aws_kinesis_firehose_delivery_stream.delivery.name }
  stream_dimension   = { MetricStreamName = aws_cloudwatch_metric_stream.metrics.name }

  alarms = {
    function-errors = {
      description = "The function crashed or timed out, or could not deliver a transformation; Firehose retries."
      namespace   = "AWS/Lambda"
      metric_name = "Errors"
      dimensions  = local.function_dimension
      statistic   = "Sum"
      periods     = 1
      comparison  = "GreaterThanThreshold"
      threshold   = 0
      wanted      = true
    }

    function-throttles = {
      description = "The function was throttled; Firehose retries."
      namespace   = "AWS/Lambda"
      metric_name = "Throttles"
      dimensions  = local.function_dimension
      statistic   = "Sum"
      periods     = 1
      comparison  = "GreaterThanThreshold"
      threshold   = 0
      wanted      = true
    }

    delivery-success = {
      description = "Firehose's requests are not answered with 200."
      namespace   = "AWS/Firehose"
      metric_name = "DeliveryToHttpEndpoint.Success"
      dimensions  = local.firehose_dimension
      statistic   = "Average"
      periods     = 3
      comparison  = "LessThanThreshold"
      threshold   = 1
      wanted      = local.is_http
    }

    delivery-freshness = {
      description = "The oldest record in Firehose is over 15 minutes old."
      namespace   = "AWS/Firehose"
      metric_name = "DeliveryToHttpEndpoint.DataFreshness"
      dimensions  = local.firehose_dimension
      statistic   = "Maximum"
      periods     = 1
      comparison  = "GreaterThanThreshold"
      threshold   = 900
      wanted      = local.is_http
    }

    processing-success = {
      description = "Firehose's invocations of the function fail."
      namespace   = "AWS/Firehose"
      metric_name = "ExecuteProcessing.Success"
      dimensions  = local.firehose_dimension
      statistic   = "Average"
      periods     = 3
      comparison  = "LessThanThreshold"
      threshold   = 1
      wanted      = !local.is_http
    }

    backup-freshness = {
      description = "The oldest record in Firehose is over 15 minutes old."
      namespace   = "AWS/Firehose"
      metric_name = "DeliveryToS3.DataFreshness"
      dimensions  = local.firehose_dimension
      statistic   = "Maximum"
      periods     = 1
      comparison  = "GreaterThanThreshold"
      threshold   = 900
      wanted      = !local.is_http
    }

    firehose-throttled = {
      description = "The metric stream sends more than Firehose accepts."
      namespace   = "AWS/Firehose"
      metric_name = "ThrottledRecords"
      dimensions  = local.firehose_dimension
      statistic   = "Sum"
      periods     = 3
      comparison  = "GreaterThanThreshold"
      threshold   = 0
      wanted      = true
    }

    backup-objects = {
      description = "Metrics were written to the backup bucket instead of being delivered; replay them."
      namespace   = "AWS/S3"
      metric_name = "PutRequests"
      dimensions  = { BucketName = aws_s3_bucket.backup.id, FilterId = aws_s3_bucket_metric.failed.name }
      statistic   = "Sum"
      periods     = 1
      comparison  = "GreaterThanThreshold"
      threshold   = 0
      wanted      = true
    }

    too-large = {
      description = "The ingress answered 413 and Firehose discarded the batch; lower buffer_size_mb."
      namespace   = "MetricStreamLambda"
      metric_name = "DeliveriesTooLarge-${var.name}"
      dimensions  = {}
      statistic   = "Sum"
      periods     = 1
      comparison  = "GreaterThanThreshold"
      threshold   = 0
      wanted      = local.is_http
    }

    stream-publish-errors = {
      description = "The metric stream cannot write to Firehose."
      namespace   = "AWS/CloudWatch/MetricStreams"
      metric_name = "PublishErrorRate"
      dimensions  = local.stream_dimension
      statistic   = "Average"
      periods     = 2
      comparison  = "GreaterThanThreshold"
      threshold   = 0
      wanted      = true
    }

    points-dropped = {
      description = "Data points were dropped; the dimension Reason says why."
      namespace   = "MetricStreamLambda"
      metric_name = "PointsDropped"
      dimensions  = local.function_dimension
      statistic   = "Sum"
      periods     = 1
      comparison  = "GreaterThanThreshold"
      threshold   = 0
      wanted      = true
    }

    malformed-records = {
      description = "Records could not be decoded; they are in the backup bucket."
      namespace   = "MetricStreamLambda"
      metric_name = "MalformedRecords"
      dimensions  = local.function_dimension
      statistic   = "Sum"
      periods     = 1
      comparison  = "GreaterThanThreshold"
      threshold   = 0
      wanted      = true
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "alarms" {
  for_each = { for name, alarm in local.alarms : name => alarm if var.create_alarms && alarm.wanted }

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric_name
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = each.value.periods
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "function_duration" {
  count = var.create_alarms ? 1 : 0

  alarm_name          = "${var.name}-function-duration"
  alarm_description   = "Deliveries take over 80 % of the function's timeout."
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0.8
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions

  metric_query {
    id          = "share"
    label       = "Share of the timeout"
    expression  = "longest / (${var.function_timeout_seconds} * 1000)"
    return_data = true
  }

  metric_query {
    id          = "longest"
    return_data = false

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Duration"
      dimensions  = local.function_dimension
      stat        = "Maximum"
      period      = 300
    }
  }
}

# Samples that are superseded are no loss: the listener has them, or newer ones. FILL, since a
# reason that did not occur has no data.
resource "aws_cloudwatch_metric_alarm" "samples_rejected" {
  count = var.create_alarms ? 1 : 0

  alarm_name          = "${var.name}-samples-rejected"
  alarm_description   = "The listener refused samples that it does not have; the function's log has its message."
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions

  metric_query {
    id          = "missing"
    label       = "Rejected samples that are not superseded"
    expression  = "FILL(too_old, 0) + FILL(in_the_future, 0) + FILL(limit, 0) + FILL(invalid, 0) + FILL(other, 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = toset(["too_old", "in_the_future", "limit", "invalid", "other"])

    content {
      id          = metric_query.value
      return_data = false

      metric {
        namespace   = "MetricStreamLambda"
        metric_name = "SamplesRejected"
        dimensions  = merge(local.function_dimension, { Reason = metric_query.value })
        stat        = "Sum"
        period      = 300
      }
    }
  }
}

# The ingress answers 413 above Lambda's 6 MB; Firehose then discards the batch without a backup.
resource "aws_cloudwatch_log_metric_filter" "too_large" {
  count = var.create_alarms && local.is_http ? 1 : 0

  name           = "${var.name}-too-large"
  log_group_name = aws_cloudwatch_log_group.firehose.name
  pattern        = "{ ($.errorCode = \"HttpEndpoint.*\") && ($.message = \"*413*\") }"

  metric_transformation {
    namespace     = "MetricStreamLambda"
    name          = "DeliveriesTooLarge-${var.name}"
    value         = "1"
    default_value = "0"
  }
}
