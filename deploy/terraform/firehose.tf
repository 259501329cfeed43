locals {
  # The provider keeps no parameter that has its default, and would plan a change forever. RoleArn
  # (the stream's own role) and BufferSizeInMBs (1) are left to their defaults for the same reason.
  processor_parameters = merge(
    { LambdaArn = aws_lambda_function.metric_stream.arn, NumberOfRetries = 10 },
    var.buffer_interval_seconds == 60 ? {} : { BufferIntervalInSeconds = var.buffer_interval_seconds },
  )

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

  dynamic "extended_s3_configuration" {
    for_each = local.is_http ? [] : [aws_s3_bucket.backup.arn]

    content {
      bucket_arn          = extended_s3_configuration.value
      role_arn            = aws_iam_role.firehose.arn
      compression_format  = "GZIP"
      prefix              = "delivered/!{timestamp:yyyy/MM/dd/HH}/"
      error_output_prefix = local.failed_prefix
      buffering_size      = 5
      buffering_interval  = 300
      s3_backup_mode      = local.backs_up_source ? "Enabled" : "Disabled"

      processing_configuration {
        enabled = true

        processors {
          type = "Lambda"

          dynamic "parameters" {
            for_each = local.processor_parameters

            content {
              parameter_name  = parameters.key
              parameter_value = parameters.value
            }
          }
        }
      }

      dynamic "s3_backup_configuration" {
        for_each = local.backs_up_source ? [aws_s3_bucket.backup.arn] : []

        content {
          bucket_arn          = s3_backup_configuration.value
          role_arn            = aws_iam_role.firehose.arn
          compression_format  = "GZIP"
          prefix              = "all-data/!{timestamp:yyyy/MM/dd/HH}/"
          error_output_prefix = local.failed_prefix

          cloudwatch_logging_options {
            enabled         = true
            log_group_name  = aws_cloudwatch_log_group.firehose.name
            log_stream_name = aws_cloudwatch_log_stream.backup.name
          }
        }
      }

      cloudwatch_logging_options {
        enabled         = true
        log_group_name  = aws_cloudwatch_log_group.firehose.name
        log_stream_name = aws_cloudwatch_log_stream.delivery.name
      }
    }
  }

  depends_on = [aws_iam_role_policy.firehose, aws_secretsmanager_secret_version.token, aws_secretsmanager_secret_version.key]
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
      local.is_http ? [] : [
        {
          Effect = "Allow"
          Action = ["lambda:InvokeFunction", "lambda:GetFunctionConfiguration"]
          Resource = [
            aws_lambda_function.metric_stream.arn,
            "${aws_lambda_function.metric_stream.arn}:*",
          ]
        },
      ],
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
