# `make docs` writes this file from ../; tools/source_module.py decides what is in it.

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

variable "output_format" {
  description = "Output format of the metric stream, opentelemetry1.0 or opentelemetry0.7. The function reads both, even in one record."
  type        = string
  default     = "opentelemetry1.0"
  nullable    = false

  validation {
    condition     = contains(["opentelemetry1.0", "opentelemetry0.7"], var.output_format)
    error_message = "The value of output_format must be one of opentelemetry1.0, opentelemetry0.7."
  }
}

variable "include_filters" {
  description = "What to stream, as { namespace = \"AWS/S3\" } or { namespace = \"AWS/EC2\", metric_names = [\"CPUUtilization\"] }. An empty list streams everything."
  # Not a type of objects, which would ignore a misspelt metric_names, and take the whole namespace.
  type     = any
  default  = []
  nullable = false

  validation {
    condition     = try(alltrue([for filter in var.include_filters : length(setsubtract(keys(filter), ["namespace", "metric_names"])) == 0]), false)
    error_message = "Each of include_filters must have a namespace, and may have metric_names."
  }

  validation {
    condition     = try(alltrue([for filter in var.include_filters : try(filter.metric_names, null) == null ? true : length(tolist(filter.metric_names)) > 0]), false)
    error_message = "The metric_names of include_filters must be left out, or be a list of at least one name."
  }

  validation {
    condition = try(alltrue(flatten([
      for filter in var.include_filters : [
        for text in concat([filter.namespace], try(tolist(filter.metric_names), null) == null ? [] : filter.metric_names) : can(regex("^[^:].{0,254}$", text))
      ]
    ])), false)
    error_message = "Each namespace and metric name of include_filters must have 1 to 255 characters, and must not begin with a colon."
  }
}

variable "exclude_filters" {
  description = "What to leave out, written like include_filters. Only one of the two may be set."
  type        = any
  default     = []
  nullable    = false

  validation {
    condition     = try(alltrue([for filter in var.exclude_filters : length(setsubtract(keys(filter), ["namespace", "metric_names"])) == 0]), false)
    error_message = "Each of exclude_filters must have a namespace, and may have metric_names."
  }

  validation {
    condition     = try(alltrue([for filter in var.exclude_filters : try(filter.metric_names, null) == null ? true : length(tolist(filter.metric_names)) > 0]), false)
    error_message = "The metric_names of exclude_filters must be left out, or be a list of at least one name."
  }

  validation {
    condition = try(alltrue(flatten([
      for filter in var.exclude_filters : [
        for text in concat([filter.namespace], try(tolist(filter.metric_names), null) == null ? [] : filter.metric_names) : can(regex("^[^:].{0,254}$", text))
      ]
    ])), false)
    error_message = "Each namespace and metric name of exclude_filters must have 1 to 255 characters, and must not begin with a colon."
  }
}

variable "statistics_metrics" {
  description = "Metrics to stream percentiles of."
  type = list(object({
    namespace   = string
    metric_name = string
  }))
  default  = []
  nullable = false

  validation {
    condition = alltrue(flatten([
      for metric in var.statistics_metrics : [
        for text in [metric.namespace, metric.metric_name] : can(regex("^[^:].{0,254}$", text))
      ]
    ]))
    error_message = "Each namespace and metric name of statistics_metrics must have 1 to 255 characters, and must not begin with a colon."
  }
}

variable "additional_statistics" {
  description = "Percentiles to stream for each of statistics_metrics. CloudWatch bills every five of them as one more metric update."
  type        = list(string)
  default     = ["p50", "p90", "p99"]
  nullable    = false

  validation {
    condition     = length(var.additional_statistics) > 0 && alltrue([for text in var.additional_statistics : can(regex("^p(100|[0-9]{1,2}(\\.[0-9]{1,10})?)$", text))])
    error_message = "The value of additional_statistics must be percentiles such as p50 or p99.9."
  }
}

variable "include_linked_accounts" {
  description = "Whether a monitoring account also streams the metrics of its linked source accounts."
  type        = bool
  default     = false
  nullable    = false
}

variable "buffer_interval_seconds" {
  description = "Longest time that Firehose buffers records."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.buffer_interval_seconds >= 0 && var.buffer_interval_seconds <= 900
    error_message = "The value of buffer_interval_seconds must be from 0 to 900."
  }
}

variable "retry_duration_seconds" {
  description = "How long Firehose retries a delivery before it writes it to the backup bucket."
  type        = number
  default     = 3600
  nullable    = false

  validation {
    condition     = var.retry_duration_seconds >= 0 && var.retry_duration_seconds <= 7200
    error_message = "The value of retry_duration_seconds must be from 0 to 7200."
  }
}

variable "s3_backup_mode" {
  description = "What Firehose writes to the backup bucket, FailedDataOnly or AllData."
  type        = string
  default     = "FailedDataOnly"
  nullable    = false

  validation {
    condition     = contains(["FailedDataOnly", "AllData"], var.s3_backup_mode)
    error_message = "The value of s3_backup_mode must be one of FailedDataOnly, AllData."
  }
}

variable "backup_retention_days" {
  description = "Days until objects in the backup bucket expire."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.backup_retention_days >= 1 && var.backup_retention_days <= 3650
    error_message = "The value of backup_retention_days must be from 1 to 3650."
  }
}

variable "log_retention_days" {
  description = "Days to keep logs."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "The value of log_retention_days must be a number of days that CloudWatch Logs knows, such as 14, 30 or 365."
  }
}

variable "kms_key_arn" {
  description = "ARN of an existing KMS key that encrypts the backup bucket and the log groups. Its policy must let CloudWatch Logs use it."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[^*]+)?$", var.kms_key_arn))
    error_message = "The value of kms_key_arn must be empty or the ARN of a key."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary of all roles, if the account requires one."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:iam::[0-9]{12}:policy/[^*]+)?$", var.permissions_boundary_arn))
    error_message = "The value of permissions_boundary_arn must be empty or the ARN of a policy."
  }
}

variable "alarm_target" {
  description = "What alarms notify, an e-mail address or the ARN of an SNS topic. AWS first sends a mail with a link to confirm an address. Empty means alarms that notify nobody, and none means no alarms."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(none|[^@\\s:]+@[^@\\s:]+|arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[^*]+)?$", var.alarm_target))
    error_message = "The value of alarm_target must be empty, an e-mail address, the ARN of an SNS topic, or none."
  }
}

locals {
  has_alarms = var.alarm_target != "none"
}

locals {
  makes_alarm_topic = strcontains(var.alarm_target, "@")
}

locals {
  alarm_actions = startswith(var.alarm_target, "arn:") ? [var.alarm_target] : aws_sns_topic.alarms[*].arn
}

locals {
  firehose_dimension = { DeliveryStreamName = aws_kinesis_firehose_delivery_stream.delivery.name }
}

locals {
  stream_dimension = { MetricStreamName = aws_cloudwatch_metric_stream.metrics.name }
}

locals {
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
}

locals {
  alarms = {
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
  }
}

locals {
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

# Terraform deletes this bucket only while it is empty, so that a backup outlives its pipeline.
resource "aws_s3_bucket" "backup" {
  #checkov:skip=CKV_AWS_18:Only Firehose and the operator touch this bucket; CloudTrail data events show who, where that is wanted.
  #checkov:skip=CKV_AWS_144:A copy in another region would double the cost of what expires within days.
  #checkov:skip=CKV_AWS_145:The variable kms_key_arn decides; SSE-S3 is enough for metrics that expire within days.
  #checkov:skip=CKV2_AWS_62:The alarm on the metric of failed/ says that objects were written.
  bucket_prefix = "${var.name}-backup-"
  force_destroy = false
}

resource "aws_s3_bucket_server_side_encryption_configuration" "backup" {
  bucket = aws_s3_bucket.backup.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = local.kms_key == null ? "AES256" : "aws:kms"
      kms_master_key_id = local.kms_key
    }

    # One request to KMS serves many objects.
    bucket_key_enabled = local.kms_key == null ? null : true
  }
}

resource "aws_s3_bucket_versioning" "backup" {
  bucket = aws_s3_bucket.backup.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_ownership_controls" "backup" {
  bucket = aws_s3_bucket.backup.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "backup" {
  bucket = aws_s3_bucket.backup.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "backup" {
  bucket = aws_s3_bucket.backup.id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = var.backup_retention_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 7
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  rule {
    id     = "delete-markers"
    status = "Enabled"

    filter {}

    expiration {
      expired_object_delete_marker = true
    }
  }

  depends_on = [aws_s3_bucket_versioning.backup]
}

# The daily object count says nothing about the last minutes; request metrics do.
resource "aws_s3_bucket_metric" "failed" {
  bucket = aws_s3_bucket.backup.id
  name   = "failed"

  filter {
    prefix = "failed/"
  }
}

resource "aws_s3_bucket_policy" "backup" {
  bucket = aws_s3_bucket.backup.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyOverTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.backup.arn, "${aws_s3_bucket.backup.arn}/*"]
        Condition = {
          Bool = { "aws:SecureTransport" = "false" }
        }
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.backup]
}

locals {
  failed_prefix = "failed/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/"
}

resource "aws_kinesis_firehose_delivery_stream" "delivery" {
  #checkov:skip=CKV_AWS_241:Encrypted with an AWS owned key; the metrics pass through within minutes.
  name        = var.name
  destination = local.is_http ? "http_endpoint" : "extended_s3"

  server_side_encryption {
    enabled  = true
    key_type = "AWS_OWNED_CMK"
  }

  dynamic "http_endpoint_configuration" {
    for_each = local.is_http ? [local.endpoint_url] : []

    content {
      name               = "metric-stream-lambda"
      url                = http_endpoint_configuration.value
      role_arn           = aws_iam_role.firehose.arn
      buffering_size     = 1 # Above 4 MB Lambda would refuse a delivery, and Firehose then discards it.
      buffering_interval = var.buffer_interval_seconds
      retry_duration     = var.retry_duration_seconds
      s3_backup_mode     = var.s3_backup_mode

      secrets_manager_configuration {
        enabled    = true
        secret_arn = local.token_secret_arn
        role_arn   = aws_iam_role.firehose.arn
      }

      request_configuration {
        content_encoding = local.is_function_url ? "GZIP" : "NONE" # An API Gateway may destroy a gzip body.

        dynamic "common_attributes" {
          for_each = var.p8s_logzio_name == "" ? [] : [var.p8s_logzio_name]

          content {
            name  = "P8S_LOGZIO_NAME"
            value = common_attributes.value
          }
        }
      }

      s3_configuration {
        bucket_arn          = aws_s3_bucket.backup.arn
        role_arn            = aws_iam_role.firehose.arn
        compression_format  = "GZIP"
        prefix              = "all-data/!{timestamp:yyyy/MM/dd/HH}/"
        error_output_prefix = local.failed_prefix
        buffering_size      = 5
        buffering_interval  = 300

        cloudwatch_logging_options {
          enabled         = true
          log_group_name  = aws_cloudwatch_log_group.firehose.name
          log_stream_name = aws_cloudwatch_log_stream.backup.name
        }
      }

      cloudwatch_logging_options {
        enabled         = true
        log_group_name  = aws_cloudwatch_log_group.firehose.name
        log_stream_name = aws_cloudwatch_log_stream.delivery.name
      }
    }
  }

  depends_on = [aws_iam_role_policy.firehose, aws_secretsmanager_secret_version.token]
}

resource "aws_iam_role" "firehose" {
  name_prefix          = "${var.name}-firehose-"
  permissions_boundary = local.permissions_boundary

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Service = "firehose.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = {
          StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id }
        }
      },
    ]
  })
}

resource "aws_iam_role_policy" "firehose" {
  name = "deliver-and-back-up"
  role = aws_iam_role.firehose.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Effect = "Allow"
          Action = [
            "s3:AbortMultipartUpload",
            "s3:GetBucketLocation",
            "s3:ListBucket",
            "s3:ListBucketMultipartUploads",
          ]
          Resource = [aws_s3_bucket.backup.arn]
        },
        {
          Effect   = "Allow"
          Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
          Resource = ["${aws_s3_bucket.backup.arn}/*"]
        },
        {
          Effect   = "Allow"
          Action   = ["logs:PutLogEvents"]
          Resource = ["${aws_cloudwatch_log_group.firehose.arn}:log-stream:*"]
        },
      ],
      local.is_http ? local.read_token : [],
      local.is_http ? local.decrypt_token : [],
      local.use_key,
    )
  })
}

resource "aws_cloudwatch_log_group" "firehose" {
  #checkov:skip=CKV_AWS_158:The variable kms_key_arn decides; delivery errors hold no metric and no secret.
  #checkov:skip=CKV_AWS_338:The variable log_retention_days decides.
  name              = "/aws/kinesisfirehose/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.kms_key
}

resource "aws_cloudwatch_log_stream" "delivery" {
  name           = "delivery"
  log_group_name = aws_cloudwatch_log_group.firehose.name
}

resource "aws_cloudwatch_log_stream" "backup" {
  name           = "backup"
  log_group_name = aws_cloudwatch_log_group.firehose.name
}

locals {
  token_secret_arn = local.makes_secret ? one(aws_secretsmanager_secret.token[*].arn) : var.token_secret_arn
}

locals {
  permissions_boundary = var.permissions_boundary_arn == "" ? null : var.permissions_boundary_arn
}

locals {
  kms_key = var.kms_key_arn == "" ? null : var.kms_key_arn
}

locals {
  read_token = [
    {
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = [local.token_secret_arn]
    },
  ]
}

locals {
  # Whatever key encrypts a secret: Secrets Manager names the secret to KMS.
  any_key = "arn:${data.aws_partition.current.partition}:kms:*:*:key/*"
}

locals {
  names_secret = "kms:EncryptionContext:SecretARN"
}

locals {
  decrypt_token = [
    {
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = [local.any_key]
      Condition = { StringEquals = { (local.names_secret) = [local.token_secret_arn] } }
    },
  ]
}

locals {
  use_key = var.kms_key_arn == "" ? [] : [
    {
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [var.kms_key_arn]
      # Other data may be encrypted with it.
      Condition = { StringEquals = { "kms:ViaService" = "s3.${data.aws_region.current.region}.${data.aws_partition.current.dns_suffix}" } }
    },
  ]
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

resource "aws_secretsmanager_secret" "token" {
  #checkov:skip=CKV_AWS_149:The AWS managed key is enough here; token_secret_arn takes a secret with a key of its own.
  #checkov:skip=CKV2_AWS_57:The token is the listener's; nothing here can make a new one.
  count = local.makes_secret ? 1 : 0

  name_prefix = "${var.name}-token-"
  description = "The access key that Firehose sends, which is the token that the function ships with, if it needs one."
}

resource "aws_secretsmanager_secret_version" "token" {
  count = local.makes_secret && !local.generates_key ? 1 : 0

  secret_id = one(aws_secretsmanager_secret.token[*].id)
  # The shape that Firehose reads: "api_key" in a JSON object.
  secret_string = jsonencode({ api_key = var.metrics_token })
}

output "delivery_stream_name" {
  description = "The Firehose stream."
  value       = aws_kinesis_firehose_delivery_stream.delivery.name
}

output "metric_stream_name" {
  description = "The CloudWatch metric stream."
  value       = aws_cloudwatch_metric_stream.metrics.name
}

output "backup_bucket_name" {
  description = "Where Firehose writes what was not delivered. `terraform destroy` fails while it has objects."
  value       = aws_s3_bucket.backup.id
}

output "receiver_url" {
  description = "Where Firehose delivers, and where source stacks of other accounts and regions may deliver too. Null with Transformation."
  value       = local.endpoint_url
}

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
