# --- The token

locals {
  generates_key = nonsensitive(var.metrics_token == "none")
  # Only without a token at all the ARN must be known to the plan: a secret may be made with this module.
  needs_no_token   = var.remote_write_auth == "none" ? true : local.has_workspace
  without_token    = local.generates_key && local.needs_no_token ? var.token_secret_arn == "" : false
  makes_secret     = !local.generates_key || local.without_token
  token_secret_arn = local.makes_secret ? one(aws_secretsmanager_secret.token[*].arn) : var.token_secret_arn

  permissions_boundary = var.permissions_boundary_arn == "" ? null : var.permissions_boundary_arn
  kms_key              = var.kms_key_arn == "" ? null : var.kms_key_arn

  # What each function may do that sends to the listener.
  send = concat(
    local.read_token,
    local.read_headers,
    local.decrypt_token,
    local.decrypt_headers,
    local.write_to_workspace,
    local.assume_role,
    local.describe_network,
    local.use_network,
  )

  read_token = [
    {
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = [local.token_secret_arn]
    },
  ]

  read_headers = var.remote_write_headers_arn == "" ? [] : [
    {
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = [var.remote_write_headers_arn]
    },
  ]

  # Whatever key encrypts a secret: Secrets Manager names the secret to KMS.
  any_key      = "arn:${data.aws_partition.current.partition}:kms:*:*:key/*"
  names_secret = "kms:EncryptionContext:SecretARN"

  decrypt_token = [
    {
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = [local.any_key]
      Condition = { StringEquals = { (local.names_secret) = [local.token_secret_arn] } }
    },
  ]

  decrypt_headers = var.remote_write_headers_arn == "" ? [] : [
    {
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = [local.any_key]
      Condition = { StringEquals = { (local.names_secret) = [var.remote_write_headers_arn] } }
    },
  ]

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

# --- What all functions share

locals {
  shared_environment = {
    LOGZIO_METRICS_LISTENER  = local.has_workspace ? local.workspace_url : var.listener_url
    LOGZIO_REGION            = var.logzio_region
    REMOTE_WRITE_AUTH        = local.has_workspace ? "sigv4" : var.remote_write_auth
    SIGV4_ROLE_ARN           = var.prometheus_role_arn
    REMOTE_WRITE_HEADERS_ARN = var.remote_write_headers_arn
    P8S_LOGZIO_NAME          = var.p8s_logzio_name
    NAMING_PROFILE           = var.naming_profile
    STATISTICS               = var.statistics
    EXTERNAL_LABELS          = length(var.external_labels) == 0 ? "" : jsonencode(var.external_labels)
    SETTINGS                 = jsonencode(var.settings)
  }

  environment = merge(
    # One secret serves as the key that Firehose sends and the token to ship with.
    local.is_http ? { FIREHOSE_ACCESS_KEY_ARN = local.token_secret_arn } : {},
    local.is_http ? {} : { LOGZIO_METRICS_TOKEN_ARN = local.token_secret_arn },
    local.shared_environment,
    { DELIVERY_BUDGET_SECONDS = var.delivery_budget_seconds },
    local.ships_logs ? { LOGS_DESTINATION = var.logs_destination } : {},
    local.ships_logs ? local.logs_variables[var.logs_destination] : {},
  )
}

# What the function would refuse in SETTINGS, and then answer 500 to every delivery.
locals {
  setting_names    = jsondecode(file("${path.module}/settings.json"))
  unknown_settings = [for name in keys(var.settings) : name if !contains(local.setting_names, name) && !startswith(name, "OTEL_LABEL_")]
  secret_settings  = [for name in keys(var.settings) : name if contains(local.setting_names, "${name}_ARN") && name != "REMOTE_WRITE_HEADERS"]
  double_settings  = [for name in keys(var.settings) : name if contains(local.own_variables, name)]

  # Also those that the module sets only in some cases: otherwise they would have no effect, or name a
  # secret that the role may not read.
  own_variables = concat(
    ["FIREHOSE_ACCESS_KEY_ARN", "LOGZIO_METRICS_TOKEN_ARN", "LOGS_DESTINATION"],
    keys(local.environment),
    keys(merge(values(local.logs_variables)...)),
    keys(local.tags_environment),
  )
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

data "aws_secretsmanager_random_password" "key" {
  count = local.makes_secret && local.generates_key ? 1 : 0

  password_length     = 64
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret_version" "key" {
  count = local.makes_secret && local.generates_key ? 1 : 0

  secret_id     = one(aws_secretsmanager_secret.token[*].id)
  secret_string = jsonencode({ api_key = one(data.aws_secretsmanager_random_password.key[*].random_password) })

  lifecycle {
    # Each plan reads another password.
    ignore_changes = [secret_string]
  }
}

# --- The function

resource "aws_lambda_function" "metric_stream" {
  #checkov:skip=CKV_AWS_50:Tracing costs per request and shows nothing that the delivery's log line does not.
  #checkov:skip=CKV_AWS_115:The variable reserved_concurrency decides; an account's quota may leave nothing to reserve.
  #checkov:skip=CKV_AWS_116:It is invoked synchronously, which never uses a dead letter queue; Firehose's backup is the one.
  #checkov:skip=CKV_AWS_117:The variable subnet_ids decides; most listeners are public.
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
  # A delivery ends by itself in its budget. An API Gateway gives up after 29 s anyway.
  timeout = local.is_api_gateway ? 30 : 300
  role    = aws_iam_role.function.arn
  layers  = aws_lambda_layer_version.logs_extension[*].arn

  reserved_concurrent_executions = var.reserved_concurrency

  logging_config {
    log_group  = aws_cloudwatch_log_group.function.name
    log_format = "JSON"
  }

  dynamic "vpc_config" {
    for_each = local.networks

    content {
      subnet_ids         = vpc_config.value.subnets
      security_group_ids = vpc_config.value.groups
    }
  }

  environment {
    variables = local.environment
  }

  lifecycle {
    precondition {
      condition     = length(local.unknown_settings) == 0
      error_message = "There is no variable ${join(", ", local.unknown_settings)} for settings; docs/settings.md and docs/logs-extension.md list them."
    }

    precondition {
      condition     = length(local.secret_settings) == 0
      error_message = "The settings must not contain ${join(", ", local.secret_settings)}, which is a secret: use the variable whose name ends in _ARN."
    }

    precondition {
      condition     = length(local.double_settings) == 0
      error_message = "The settings must not contain ${join(", ", local.double_settings)}, which a variable of the module sets."
    }

    precondition {
      condition     = local.makes_secret || var.token_secret_arn != ""
      error_message = "Set metrics_token, or token_secret_arn to an existing secret. Only with prometheus_workspace_arn or remote_write_auth=none no token is needed."
    }

    precondition {
      condition     = local.generates_key || var.token_secret_arn == ""
      error_message = "Set metrics_token or token_secret_arn, not both."
    }

    precondition {
      condition = local.has_workspace || var.listener_url != "" || var.logzio_region != "" || contains(
        ["us-east-1", "eu-central-1", "eu-west-2", "ca-central-1", "ap-southeast-2"],
        data.aws_region.current.region,
      )
      error_message = "No Logz.io region belongs to this AWS region. Set logzio_region, or listener_url for another endpoint."
    }

    precondition {
      condition     = !local.has_workspace || (var.logzio_region == "" && var.listener_url == "")
      error_message = "prometheus_workspace_arn says where to send. Leave logzio_region and listener_url empty."
    }

    precondition {
      condition     = !local.has_workspace || (local.generates_key && contains(["bearer", "none"], var.remote_write_auth))
      error_message = "A workspace takes signatures and no token. Answer metrics_token with none, and leave remote_write_auth as it is."
    }

    precondition {
      condition     = var.prometheus_role_arn == "" || local.has_workspace
      error_message = "prometheus_role_arn has no effect without prometheus_workspace_arn."
    }

    precondition {
      condition     = (length(var.subnet_ids) == 0) == (length(var.security_group_ids) == 0)
      error_message = "A function in a network has both. Set subnet_ids and security_group_ids, or neither."
    }

    precondition {
      condition     = !local.is_api_gateway || var.delivery_budget_seconds <= 28
      error_message = "An API Gateway gives up after 29 s. Set delivery_budget_seconds to 28 or less, or ingress to FunctionUrl."
    }

    precondition {
      condition     = length(var.tag_role_arns) == 0 || var.create_tags
      error_message = "tag_role_arns has no effect without create_tags."
    }

    precondition {
      condition     = !local.has_logs_token || var.logs_listener != "" || contains(["logzio", "openobserve"], var.logs_destination)
      error_message = "Loki and a Data Tap need logs_listener."
    }
  }

  depends_on = [
    aws_iam_role_policy.function,
    aws_secretsmanager_secret_version.key,
    aws_secretsmanager_secret_version.token,
  ]
}

resource "aws_cloudwatch_log_group" "function" {
  #checkov:skip=CKV_AWS_158:The variable kms_key_arn decides; log lines hold no metric value and no secret.
  #checkov:skip=CKV_AWS_338:The variable log_retention_days decides.
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.kms_key
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
      local.send,
      local.read_logs_token,
      local.decrypt_logs_token,
    )
  })
}
