# --- The token

locals {
  makes_secret     = nonsensitive(var.metrics_token != null && var.metrics_token != "")
  token_secret_arn = local.makes_secret ? one(aws_secretsmanager_secret.token[*].arn) : var.token_secret_arn

  permissions_boundary = var.permissions_boundary_arn == "" ? null : var.permissions_boundary_arn

  read_token = [
    {
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = [local.token_secret_arn]
    },
  ]

  decrypt_token = var.token_secret_kms_key_arn == "" ? [] : [
    {
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = [var.token_secret_kms_key_arn]
    },
  ]
}

# --- What the function and the replay function share

locals {
  shared_environment = {
    LOGZIO_METRICS_LISTENER  = var.listener_url
    LOGZIO_REGION            = var.logzio_region
    REMOTE_WRITE_AUTH        = var.remote_write_auth
    REMOTE_WRITE_HEADERS     = var.remote_write_headers
    REMOTE_WRITE_MAX_BYTES   = var.remote_write_max_bytes
    REMOTE_WRITE_CONCURRENCY = var.remote_write_concurrency
    LISTENER_TIMEOUT_SECONDS = var.listener_timeout_seconds
    P8S_LOGZIO_NAME          = var.p8s_logzio_name
    LABEL_VALUE_CASE         = var.label_value_case
    UNIT_LABEL               = var.unit_label
    MAX_LABELS               = var.max_labels
    NATIVE_HISTOGRAMS        = var.native_histograms
    POWERTOOLS_LOG_LEVEL     = var.log_level
  }
}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

resource "aws_secretsmanager_secret" "token" {
  #checkov:skip=CKV_AWS_149:The AWS managed key is enough here; token_secret_arn takes a secret with a key of its own.
  #checkov:skip=CKV2_AWS_57:The token is the listener's; nothing here can make a new one.
  count = local.makes_secret ? 1 : 0

  name_prefix = "${var.name}-token-"
  description = "The access key that Firehose sends, which is the token that the function ships with."
}

resource "aws_secretsmanager_secret_version" "token" {
  count = local.makes_secret ? 1 : 0

  secret_id = one(aws_secretsmanager_secret.token[*].id)
  # The shape that Firehose reads: "api_key" in a JSON object.
  secret_string = jsonencode({ api_key = var.metrics_token })
}

# --- The function

resource "aws_lambda_function" "metric_stream" {
  #checkov:skip=CKV_AWS_50:Tracing costs per request and shows nothing that the delivery's log line does not.
  #checkov:skip=CKV_AWS_115:The variable reserved_concurrency decides; an account's quota may leave nothing to reserve.
  #checkov:skip=CKV_AWS_116:It is invoked synchronously, which never uses a dead letter queue; Firehose's backup is the one.
  #checkov:skip=CKV_AWS_117:It reaches a public listener and nothing in a VPC.
  #checkov:skip=CKV_AWS_173:Tokens come from Secrets Manager by ARN; Lambda encrypts variables with its own key.
  #checkov:skip=CKV_AWS_272:The package is built here and checked by its hash.
  function_name    = var.name
  description      = "Converts CloudWatch metric streams to Prometheus remote write."
  filename         = var.function_zip
  source_code_hash = filebase64sha256(var.function_zip)
  handler          = "handler.app.lambda_handler"
  runtime          = "python3.13"
  architectures    = [var.architecture]
  memory_size      = var.function_memory_mb
  timeout          = var.function_timeout_seconds
  role             = aws_iam_role.function.arn
  layers           = aws_lambda_layer_version.logs_extension[*].arn

  reserved_concurrent_executions = var.reserved_concurrency

  logging_config {
    log_group  = aws_cloudwatch_log_group.function.name
    log_format = "JSON"
  }

  environment {
    variables = merge(
      # One secret serves as the key that Firehose sends and the token to ship with.
      local.is_http ? { FIREHOSE_ACCESS_KEY_ARN = local.token_secret_arn } : {},
      local.is_http ? {} : { LOGZIO_METRICS_TOKEN_ARN = local.token_secret_arn },
      local.shared_environment,
      {
        LISTENER_ALLOWED_HOSTS  = var.listener_allowed_hosts
        DELIVERY_BUDGET_SECONDS = var.delivery_budget_seconds
        TRANSFORM_RESULT        = var.transform_result
      },
      local.ships_logs ? local.logs_variables.all : {},
      local.logs_go_to == "logzio" ? local.logs_variables.logzio : {},
      local.logs_go_to == "loki" ? local.logs_variables.loki : {},
      local.logs_go_to == "loki" && local.has_logs_token ? local.logs_variables.loki_with_password : {},
      local.logs_go_to == "openobserve" ? local.logs_variables.openobserve : {},
      local.logs_go_to == "datatap" ? local.logs_variables.datatap : {},
    )
  }

  lifecycle {
    precondition {
      condition     = local.makes_secret || var.token_secret_arn != ""
      error_message = "Set metrics_token, or token_secret_arn to an existing secret."
    }

    precondition {
      condition     = !local.makes_secret || var.token_secret_arn == ""
      error_message = "Set metrics_token or token_secret_arn, not both."
    }

    precondition {
      condition = var.listener_url != "" || var.logzio_region != "" || contains(
        ["us-east-1", "eu-central-1", "eu-west-2", "ca-central-1", "ap-southeast-2"],
        data.aws_region.current.region,
      )
      error_message = "No Logz.io region belongs to this AWS region. Set logzio_region, or listener_url for another endpoint."
    }

    precondition {
      condition     = !local.makes_logs_secret || var.logs_token_secret_arn == ""
      error_message = "Set logs_token or logs_token_secret_arn, not both."
    }

    precondition {
      condition     = !local.has_logs_token || var.logs_listener != "" || contains(["logzio", "openobserve"], var.logs_destination)
      error_message = "Loki and a Data Tap need logs_listener."
    }

    precondition {
      condition     = !local.has_logs_token || var.logs_user != "" || var.logs_destination != "loki"
      error_message = "A password for Loki needs logs_user."
    }

    precondition {
      condition     = !local.has_logs_token || var.logs_organization != "" || var.logs_destination != "openobserve"
      error_message = "OpenObserve needs logs_organization."
    }
  }

  depends_on = [
    aws_iam_role_policy.function,
    aws_secretsmanager_secret_version.logs_token,
    aws_secretsmanager_secret_version.token,
  ]
}

resource "aws_cloudwatch_log_group" "function" {
  #checkov:skip=CKV_AWS_158:Log lines hold no metric value and no secret; CloudWatch Logs encrypts them with its own key.
  #checkov:skip=CKV_AWS_338:The variable log_retention_days decides.
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "function" {
  name_prefix          = "${var.name}-function-"
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

resource "aws_iam_role_policy" "function" {
  name = "log-and-read-token"
  role = aws_iam_role.function.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = ["${aws_cloudwatch_log_group.function.arn}:log-stream:*"]
        },
      ],
      local.read_token,
      local.decrypt_token,
      local.read_logs_token,
      local.decrypt_logs_token,
    )
  })
}
