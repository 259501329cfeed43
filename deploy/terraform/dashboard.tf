locals {
  metric_stream_name   = aws_cloudwatch_metric_stream.metrics.name
  delivery_stream_name = aws_kinesis_firehose_delivery_stream.delivery.name
  function_name        = aws_lambda_function.metric_stream.function_name
  backup_bucket_name   = aws_s3_bucket.backup.id
  tags_function_name   = one(aws_lambda_function.tags[*].function_name)

  share_of_answers = "Firehose: share of requests answered with 200"

  widgets = concat(local.pipeline_widgets, [for widget in local.tags_widgets : widget if var.create_tags])

  pipeline_widgets = [
    {
      title = "Metric stream: updates and publish errors"
      stat  = "Sum"
      metrics = [
        ["AWS/CloudWatch/MetricStreams", "MetricUpdate", "MetricStreamName", local.metric_stream_name],
        [".", "PublishErrorRate", ".", ".", { yAxis = "right" }],
      ]
    },
    {
      title = "Firehose: records and bytes in"
      stat  = "Sum"
      metrics = [
        ["AWS/Firehose", "IncomingRecords", "DeliveryStreamName", local.delivery_stream_name],
        [".", "IncomingBytes", ".", ".", { yAxis = "right" }],
      ]
    },
    {
      title = local.share_of_answers
      stat  = "Average"
      metrics = [
        ["AWS/Firehose", "DeliveryToHttpEndpoint.Success", "DeliveryStreamName", local.delivery_stream_name],
        [".", "ExecuteProcessing.Success", ".", "."],
      ]
    },
    {
      title = "Firehose: age of the oldest record (s)"
      stat  = "Maximum"
      metrics = [
        ["AWS/Firehose", "DeliveryToHttpEndpoint.DataFreshness", "DeliveryStreamName", local.delivery_stream_name],
        [".", "DeliveryToS3.DataFreshness", ".", "."],
      ]
    },
    {
      title = "Function: invocations, errors, throttles"
      stat  = "Sum"
      metrics = [
        ["AWS/Lambda", "Invocations", "FunctionName", local.function_name],
        [".", "Errors", ".", "."],
        [".", "Throttles", ".", "."],
      ]
    },
    {
      title = "Function: duration (ms)"
      stat  = "p99"
      metrics = [
        ["AWS/Lambda", "Duration", "FunctionName", local.function_name, { stat = "p50" }],
        ["...", { stat = "p99" }],
        ["...", { stat = "Maximum" }],
      ]
    },
    {
      title = "Listener: samples sent, and rejected by reason"
      stat  = "Sum"
      metrics = [
        ["MetricStreamLambda", "SamplesSent", "FunctionName", local.function_name],
        [".", "SamplesRejected", ".", ".", "Reason", "superseded", { yAxis = "right" }],
        [".", ".", ".", ".", ".", "too_old", { yAxis = "right" }],
        [".", ".", ".", ".", ".", "in_the_future", { yAxis = "right" }],
        [".", ".", ".", ".", ".", "limit", { yAxis = "right" }],
        [".", ".", ".", ".", ".", "invalid", { yAxis = "right" }],
        [".", ".", ".", ".", ".", "other", { yAxis = "right" }],
      ]
    },
    {
      title = "Data points in, dropped; malformed records"
      stat  = "Sum"
      metrics = [
        ["MetricStreamLambda", "DataPoints", "FunctionName", local.function_name],
        [".", "PointsDropped", ".", ".", { yAxis = "right" }],
        [".", "MalformedRecords", ".", ".", { yAxis = "right" }],
      ]
    },
    {
      title = "Age of the oldest point (s), retries"
      stat  = "Sum"
      metrics = [
        ["MetricStreamLambda", "OldestPointAgeSeconds", "FunctionName", local.function_name, { stat = "Maximum" }],
        [".", "ListenerRetries", ".", ".", { yAxis = "right" }],
      ]
    },
    {
      title = "Backup: objects written after failed deliveries"
      stat  = "Sum"
      metrics = [
        ["AWS/S3", "PutRequests", "BucketName", local.backup_bucket_name, "FilterId", "failed"],
      ]
    },
  ]

  tags_widgets = [
    {
      title = "Tags: series sent, resources, errors"
      stat  = "Sum"
      metrics = [
        ["MetricStreamLambda", "TagsSent", "FunctionName", local.tags_function_name],
        [".", "TagResources", ".", "."],
        [".", "TagErrors", ".", ".", { yAxis = "right" }],
      ]
      period = 300
    },
  ]
}

resource "aws_cloudwatch_dashboard" "pipeline" {
  count = var.create_dashboard ? 1 : 0

  dashboard_name = "${var.name}-pipeline"
  dashboard_body = jsonencode({
    # Three in a row; each one after the ninth has a row to itself.
    widgets = [
      for index, widget in local.widgets : {
        type   = "metric"
        x      = index < 9 ? 8 * (index % 3) : 0
        y      = 6 * (index < 9 ? floor(index / 3) : index - 6)
        width  = index < 9 ? 8 : 24
        height = 6
        properties = merge(
          {
            title   = widget.title
            region  = data.aws_region.current.region
            view    = "timeSeries"
            stat    = widget.stat
            period  = try(widget.period, 60)
            metrics = widget.metrics
          },
          widget.title == local.share_of_answers ? { yAxis = { left = { min = 0, max = 1 } } } : {},
        )
      }
    ]
  })
}
