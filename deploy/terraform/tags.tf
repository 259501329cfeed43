# --- Tags of resources: docs/tags.md

locals {
  tags_environment = {
    BACKUP_BUCKET            = aws_s3_bucket.backup.id
    LOGZIO_METRICS_TOKEN_ARN = local.token_secret_arn
    TAG_ROLE_ARNS            = join(",", var.tag_role_arns)
  }
}

resource "aws_lambda_function" "tags" {
  #checkov:skip=CKV_AWS_50:The log line of a sweep shows what tracing would.
  #checkov:skip=CKV_AWS_115:One sweep runs at a time, and an account's quota may leave nothing to reserve.
  #checkov:skip=CKV_AWS_116:The next sweep reads everything again; there is nothing to keep of one that failed.
  #checkov:skip=CKV_AWS_117:The variable subnet_ids decides; most listeners are public.
  #checkov:skip=CKV_AWS_173:The token comes from Secrets Manager by ARN; Lambda encrypts variables with its own key.
  #checkov:skip=CKV_AWS_272:The package is built here and checked by its hash.
  count = var.create_tags ? 1 : 0

  function_name    = "${var.name}-tags"
  description      = "Sends the tags of resources to the listener, as series to join with their metrics."
  filename         = var.function_zip
  source_code_hash = filebase64sha256(var.function_zip)
  handler          = "tags.app.lambda_handler"
  runtime          = "python3.13"
  architectures    = [var.architecture]
  memory_size      = 512
  # A sweep that begins up to 60 s late still ends before the next one begins.
  timeout = 240
  role    = one(aws_iam_role.tags[*].arn)

  dynamic "vpc_config" {
    for_each = local.networks

    content {
      subnet_ids         = vpc_config.value.subnets
      security_group_ids = vpc_config.value.groups
    }
  }

  logging_config {
    log_group  = one(aws_cloudwatch_log_group.tags[*].name)
    log_format = "JSON"
  }

  environment {
    variables = merge(local.shared_environment, local.tags_environment)
  }

  depends_on = [
    aws_iam_role_policy.tags,
    aws_secretsmanager_secret_version.key,
    aws_secretsmanager_secret_version.token,
  ]
}

resource "aws_lambda_function_event_invoke_config" "tags" {
  count = var.create_tags ? 1 : 0

  function_name                = one(aws_lambda_function.tags[*].function_name)
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 60
}

resource "aws_scheduler_schedule" "tags" {
  #checkov:skip=CKV_AWS_297:It has no data that a key could protect.
  count = var.create_tags ? 1 : 0

  name                = "${var.name}-tags"
  description         = "Begins a sweep of all tags."
  schedule_expression = "rate(${var.tag_refresh_minutes} minutes)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = one(aws_lambda_function.tags[*].arn)
    role_arn = one(aws_iam_role.tags_schedule[*].arn)

    retry_policy {
      maximum_retry_attempts       = 0
      maximum_event_age_in_seconds = 60
    }
  }

  depends_on = [aws_iam_role_policy.tags_schedule]
}

resource "aws_iam_role" "tags_schedule" {
  count = var.create_tags ? 1 : 0

  name_prefix          = "${var.name}-schedule-"
  permissions_boundary = local.permissions_boundary

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Service = "scheduler.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = {
          StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id }
        }
      },
    ]
  })
}

resource "aws_iam_role_policy" "tags_schedule" {
  count = var.create_tags ? 1 : 0

  name = "begin-a-sweep"
  role = one(aws_iam_role.tags_schedule[*].id)

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = [one(aws_lambda_function.tags[*].arn)]
      },
    ]
  })
}

resource "aws_cloudwatch_log_group" "tags" {
  #checkov:skip=CKV_AWS_158:The variable kms_key_arn decides; log lines hold no metric value and no secret.
  #checkov:skip=CKV_AWS_338:The variable log_retention_days decides.
  count = var.create_tags ? 1 : 0

  name              = "/aws/lambda/${var.name}-tags"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.kms_key
}

resource "aws_iam_role" "tags" {
  count = var.create_tags ? 1 : 0

  name_prefix          = "${var.name}-tags-"
  permissions_boundary = local.permissions_boundary

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Service = "lambda.amazonaws.com" }
        Action    = "sts:AssumeRole"
      },
    ]
  })
}

resource "aws_iam_role_policy" "tags" {
  count = var.create_tags ? 1 : 0

  name = "read-and-send-tags"
  role = one(aws_iam_role.tags[*].id)

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        # AWS does not limit these to resources. From the third on they look up names, where there
        # are resources that need it.
        {
          Effect = "Allow"
          Action = [
            "tag:GetResources",
            "autoscaling:DescribeAutoScalingGroups",
            "dms:DescribeReplicationInstances",
            "redshift-serverless:ListNamespaces",
            "redshift-serverless:ListWorkgroups",
          ]
          Resource = ["*"]
        },
        {
          Effect   = "Allow"
          Action   = ["apigateway:GET"]
          Resource = ["arn:${data.aws_partition.current.partition}:apigateway:${data.aws_region.current.region}::/restapis"]
        },
        {
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:PutObject"]
          Resource = ["${aws_s3_bucket.backup.arn}/tags/*"]
        },
        # Without it S3 answers 403, and not 404, where there is no last sweep yet.
        {
          Effect   = "Allow"
          Action   = ["s3:ListBucket"]
          Resource = [aws_s3_bucket.backup.arn]
        },
        {
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = ["${one(aws_cloudwatch_log_group.tags[*].arn)}:log-stream:*"]
        },
      ],
      length(var.tag_role_arns) == 0 ? [] : [
        {
          Effect   = "Allow"
          Action   = ["sts:AssumeRole"]
          Resource = var.tag_role_arns
        },
      ],
      local.send,
      local.use_key,
    )
  })
}
