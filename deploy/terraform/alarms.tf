# docs/operations.md says what to do about each alarm.
locals {
  has_alarms        = var.alarm_target != "none"
  makes_alarm_topic = strcontains(var.alarm_target, "@")
  alarm_actions     = startswith(var.alarm_target, "arn:") ? [var.alarm_target] : aws_sns_topic.alarms[*].arn

  tags_function_dimension = { FunctionName = local.tags_function_name }

  function_dimension = { FunctionName = aws_lambda_function.metric_stream.function_name }
  firehose_dimension = { DeliveryStreamName = aws_kinesis_firehose_delivery_stream.delivery.name }
  stream_dimension   = { MetricStreamName = aws_cloudwatch_metric_stream.metrics.name }

  # What an alarm does not say itself.
  alarm_defaults = {
    statistic = "Sum"
    period    = 300
    periods   = 1
    # How many of these periods; null for all.
    datapoints = null
    comparison = "GreaterThanThreshold"
    threshold  = 0
    missing    = "notBreaching"
    wanted     = true
    # Instead of the metric alone: an expression of several of its kind, each with further dimensions.
    expression = null
    label      = null
    queries    = {}
  }

  alarms = {
    tag-errors = {
      description = "Three of four sweeps could not read or send all tags."
      namespace   = "MetricStreamLambda"
      metric_name = "TagErrors"
      dimensions  = local.tags_function_dimension
      period      = 60 * var.tag_refresh_minutes
      # Not three in a row: two sweeps may end in one period, and none in the next.
      periods    = 4
      datapoints = 3
      wanted     = var.create_tags
    }

    no-tags = {
      description = "The listener has accepted no tags for six sweeps."
      namespace   = "MetricStreamLambda"
      metric_name = "TagsSent"
      dimensions  = local.tags_function_dimension
      period      = 60 * var.tag_refresh_minutes
      periods     = 6
      comparison  = "LessThanThreshold"
      threshold   = 1
      missing     = "breaching"
      wanted      = var.create_tags
    }

    # Two periods, each as long as the longest buffer: one may pass without a delivery.
    no-deliveries = {
      description = "The listener has accepted no sample for half an hour."
      namespace   = "MetricStreamLambda"
      metric_name = "SamplesSent"
      dimensions  = local.function_dimension
      period      = 900
      periods     = 2
      comparison  = "LessThanThreshold"
      threshold   = 1
      missing     = "breaching"
    }

    no-stream-updates = {
      description = "The metric stream has had no update for half an hour."
      namespace   = "AWS/CloudWatch/MetricStreams"
      metric_name = "MetricUpdate"
      dimensions  = local.stream_dimension
      period      = 900
      periods     = 2
      comparison  = "LessThanThreshold"
      threshold   = 1
      missing     = "breaching"
    }

    function-errors = {
      description = "The function crashed or timed out, or could not deliver a transformation; Firehose retries."
      namespace   = "AWS/Lambda"
      metric_name = "Errors"
      dimensions  = local.function_dimension
    }

    function-throttles = {
      description = "The function was throttled; Firehose retries."
      namespace   = "AWS/Lambda"
      metric_name = "Throttles"
      dimensions  = local.function_dimension
    }

    function-duration = {
      description = "Deliveries take over 90 % of delivery_budget_seconds."
      namespace   = "AWS/Lambda"
      metric_name = "Duration"
      dimensions  = local.function_dimension
      statistic   = "Maximum"
      expression  = "longest / (${var.delivery_budget_seconds} * 1000)"
      label       = "Share of the budget"
      queries     = { longest = {} }
      periods     = 3
      threshold   = 0.9
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
      description = "The oldest record in Firehose is 15 minutes older than its buffer's interval."
      namespace   = "AWS/Firehose"
      metric_name = "DeliveryToHttpEndpoint.DataFreshness"
      dimensions  = local.firehose_dimension
      statistic   = "Maximum"
      expression  = "oldest - ${var.buffer_interval_seconds}"
      label       = "Age beyond the buffer's interval (s)"
      queries     = { oldest = {} }
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
      description = "The oldest record in Firehose is 15 minutes older than its buffer's interval."
      namespace   = "AWS/Firehose"
      metric_name = "DeliveryToS3.DataFreshness"
      dimensions  = local.firehose_dimension
      statistic   = "Maximum"
      expression  = "oldest - ${var.buffer_interval_seconds}"
      label       = "Age beyond the buffer's interval (s)"
      queries     = { oldest = {} }
      threshold   = 900
      wanted      = !local.is_http
    }

    firehose-throttled = {
      description = "The metric stream sends more than Firehose accepts."
      namespace   = "AWS/Firehose"
      metric_name = "ThrottledRecords"
      dimensions  = local.firehose_dimension
      periods     = 3
    }

    backup-objects = {
      description = "Metrics were written to the backup bucket instead of being delivered; replay them."
      namespace   = "AWS/S3"
      metric_name = "PutRequests"
      dimensions  = { BucketName = aws_s3_bucket.backup.id, FilterId = aws_s3_bucket_metric.failed.name }
    }

    too-large = {
      description = "The ingress answered 413 and Firehose discarded the batch."
      namespace   = "MetricStreamLambda"
      metric_name = "DeliveriesTooLarge-${var.name}"
      dimensions  = null
      wanted      = local.is_http
    }

    stream-publish-errors = {
      description = "The metric stream cannot write to Firehose."
      namespace   = "AWS/CloudWatch/MetricStreams"
      metric_name = "PublishErrorRate"
      dimensions  = local.stream_dimension
      statistic   = "Average"
      periods     = 2
    }

    # Samples that are superseded are no loss: the listener has them, or newer ones. Those that are
    # too old have an alarm of their own. FILL, since a reason that did not occur has no data.
    samples-rejected = {
      description = "The listener refused samples that it does not have; the function's log has its message."
      namespace   = "MetricStreamLambda"
      metric_name = "SamplesRejected"
      dimensions  = local.function_dimension
      expression  = "rejected - FILL(superseded, 0) - FILL(too_old, 0)"
      label       = "Rejected samples that are neither superseded nor too old"
      queries     = { rejected = {}, superseded = { Reason = "superseded" }, too_old = { Reason = "too_old" } }
    }

    # S3's daily metrics are late once a day; a clock or a window that is wrong shows in every hour.
    samples-too-old = {
      description = "The listener has refused samples as too old in each of the last six hours."
      namespace   = "MetricStreamLambda"
      metric_name = "SamplesRejected"
      dimensions  = merge(local.function_dimension, { Reason = "too_old" })
      period      = 3600
      periods     = 6
    }

    # Of duplicates the listener gets one; what relabelling rules drop is not wanted.
    points-dropped = {
      description = "Data points were dropped; the dimension Reason says why."
      namespace   = "MetricStreamLambda"
      metric_name = "PointsDropped"
      dimensions  = local.function_dimension
      expression  = "dropped - FILL(duplicate, 0) - FILL(relabel, 0)"
      label       = "Dropped points that are no duplicates and not relabelled"
      queries     = { dropped = {}, duplicate = { Reason = "duplicate" }, relabel = { Reason = "relabel" } }
    }

    malformed-records = {
      description = "Records could not be decoded; they are in the backup bucket."
      namespace   = "MetricStreamLambda"
      metric_name = "MalformedRecords"
      dimensions  = local.function_dimension
    }
  }

  wanted_alarms = {
    for name, alarm in { for n, a in local.alarms : n => merge(local.alarm_defaults, a) } : name => alarm
    if local.has_alarms && alarm.wanted
  }
}

resource "aws_cloudwatch_metric_alarm" "alarms" {
  for_each = local.wanted_alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.expression == null ? each.value.namespace : null
  metric_name         = each.value.expression == null ? each.value.metric_name : null
  dimensions          = each.value.expression == null ? each.value.dimensions : null
  statistic           = each.value.expression == null ? each.value.statistic : null
  period              = each.value.expression == null ? each.value.period : null
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.datapoints
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  treat_missing_data  = each.value.missing
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions

  dynamic "metric_query" {
    for_each = each.value.expression == null ? [] : [each.value]

    content {
      id          = "result"
      label       = metric_query.value.label
      expression  = metric_query.value.expression
      return_data = true
    }
  }

  dynamic "metric_query" {
    for_each = each.value.queries

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = each.value.namespace
        metric_name = each.value.metric_name
        dimensions  = merge(each.value.dimensions, metric_query.value)
        stat        = each.value.statistic
        period      = each.value.period
      }
    }
  }
}

# They had addresses of their own before.
moved {
  from = aws_cloudwatch_metric_alarm.function_duration[0]
  to   = aws_cloudwatch_metric_alarm.alarms["function-duration"]
}

moved {
  from = aws_cloudwatch_metric_alarm.samples_rejected[0]
  to   = aws_cloudwatch_metric_alarm.alarms["samples-rejected"]
}

resource "aws_sns_topic" "alarms" {
  #checkov:skip=CKV_AWS_26:Alarms cannot use a topic that is encrypted with the AWS managed key, and they say nothing secret.
  count = local.makes_alarm_topic ? 1 : 0

  name = "${var.name}-alarms"
}

resource "aws_sns_topic_subscription" "alarms" {
  count = local.makes_alarm_topic ? 1 : 0

  topic_arn = one(aws_sns_topic.alarms[*].arn)
  protocol  = "email"
  endpoint  = var.alarm_target
}

# The ingress answers 413 above Lambda's 6 MB; Firehose then discards the batch without a backup.
resource "aws_cloudwatch_log_metric_filter" "too_large" {
  count = local.has_alarms && local.is_http ? 1 : 0

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
