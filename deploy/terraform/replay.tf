# --- Replay: only the operator invokes it; docs/replay.md says when

resource "aws_lambda_function" "replay" {
  #checkov:skip=CKV_AWS_50:An operator invokes it by hand, and its log has a line for each object.
  #checkov:skip=CKV_AWS_115:An operator invokes it by hand, and an account's quota may leave nothing to reserve.
  #checkov:skip=CKV_AWS_116:Its caller gets the result; what was not sent stays in the bucket, with a checkpoint.
  #checkov:skip=CKV_AWS_117:The variable subnet_ids decides; most listeners are public.
  #checkov:skip=CKV_AWS_173:The token comes from Secrets Manager by ARN; Lambda encrypts variables with its own key.
  #checkov:skip=CKV_AWS_272:The package is built here and checked by its hash.
  function_name    = "${var.name}-replay"
  description      = "Sends what Firehose has written to the backup bucket to the listener."
  filename         = var.function_zip
  source_code_hash = filebase64sha256(var.function_zip)
  handler          = "replay.app.lambda_handler"
  runtime          = "python3.13"
  architectures    = [var.architecture]
  # An object is unpacked as a whole: Firehose's are at most 128 MiB, those of this stack far smaller.
  memory_size = 1024
  timeout     = 900
  role        = aws_iam_role.replay.arn

  dynamic "vpc_config" {
    for_each = local.networks

    content {
      subnet_ids         = vpc_config.value.subnets
      security_group_ids = vpc_config.value.groups
    }
  }

  logging_config {
    log_group  = aws_cloudwatch_log_group.replay.name
    log_format = "JSON"
  }

  environment {
    variables = merge(local.shared_environment, {
      BACKUP_BUCKET            = aws_s3_bucket.backup.id
      LOGZIO_METRICS_TOKEN_ARN = local.token_secret_arn
    })
  }

  depends_on = [
    aws_iam_role_policy.replay,
    aws_secretsmanager_secret_version.key,
    aws_secretsmanager_secret_version.token,
  ]
}

resource "aws_cloudwatch_log_group" "replay" {
  #checkov:skip=CKV_AWS_158:The variable kms_key_arn decides; log lines hold no metric value and no secret.
  #checkov:skip=CKV_AWS_338:The variable log_retention_days decides.
  name              = "/aws/lambda/${var.name}-replay"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.kms_key
}

resource "aws_iam_role" "replay" {
  name_prefix          = "${var.name}-replay-"
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

resource "aws_iam_role_policy" "replay" {
  name = "replay-the-backup"
  role = aws_iam_role.replay.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = ["${aws_cloudwatch_log_group.replay.arn}:log-stream:*"]
        },
        {
          Effect   = "Allow"
          Action   = ["s3:ListBucket"]
          Resource = [aws_s3_bucket.backup.arn]
        },
        # What is replayed is read, and deleted once there is a copy of it below replayed/.
        {
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:DeleteObject"]
          Resource = ["${aws_s3_bucket.backup.arn}/failed/*", "${aws_s3_bucket.backup.arn}/all-data/*"]
        },
        {
          Effect   = "Allow"
          Action   = ["s3:PutObject"]
          Resource = ["${aws_s3_bucket.backup.arn}/replayed/*"]
        },
        # Checkpoints.
        {
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:PutObject"]
          Resource = ["${aws_s3_bucket.backup.arn}/replay/*"]
        },
      ],
      local.send,
      local.use_key,
    )
  })
}
