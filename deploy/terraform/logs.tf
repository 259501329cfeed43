# --- The function's own logs: token, layer and variables of the logs extension

locals {
  makes_logs_secret     = nonsensitive(var.logs_token != null && var.logs_token != "")
  has_logs_token        = local.makes_logs_secret || var.logs_token_secret_arn != ""
  logs_token_secret_arn = local.makes_logs_secret ? one(aws_secretsmanager_secret.logs_token[*].arn) : var.logs_token_secret_arn

  ships_logs = local.has_logs_token || (var.logs_destination == "loki" && var.logs_listener != "")
  logs_go_to = local.ships_logs ? var.logs_destination : ""

  logs_extension_zip = coalesce(var.logs_extension_zip, "${path.module}/../../dist/logs-extension.zip")

  logs_variables = {
    all = {
      LOGS_DESTINATION = var.logs_destination
      TELEMETRY_TYPES  = var.logs_telemetry_types
      LOGS_MIN_LEVEL   = var.logs_min_level
      LOGS_SAMPLE_RATE = tostring(var.logs_sample_rate)
      LOGS_REDACT      = var.logs_redact
      FLUSH_BUDGET_MS  = tostring(var.logs_flush_budget_milliseconds)
    }
    logzio = {
      LOGZIO_LOGS_TOKEN_ARN = local.logs_token_secret_arn
      LOGZIO_LISTENER       = var.logs_listener
      LOGZIO_LOGS_TYPE      = var.logs_type
      CUSTOM_FIELDS         = var.logs_custom_fields
    }
    loki = {
      LOKI_URL       = var.logs_listener
      LOKI_USERNAME  = var.logs_user
      LOKI_TENANT_ID = var.logs_tenant
      LOKI_LABELS    = var.logs_labels
    }
    loki_with_password = {
      LOKI_PASSWORD_ARN = local.logs_token_secret_arn
    }
    openobserve = {
      O2_AUTHORIZATION_HEADER_ARN = local.logs_token_secret_arn
      O2_ENDPOINT                 = var.logs_listener
      O2_ORGANIZATION_ID          = var.logs_organization
      O2_STREAM                   = var.logs_stream
    }
    datatap = {
      BD_TAP_CLIENT_TOKEN_ARN = local.logs_token_secret_arn
      BD_DATA_TAP_URL         = var.logs_listener
    }
  }

  read_logs_token = !local.has_logs_token ? [] : [
    {
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = [local.logs_token_secret_arn]
    },
  ]

  decrypt_logs_token = !local.has_logs_token || var.logs_token_secret_kms_key_arn == "" ? [] : [
    {
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = [var.logs_token_secret_kms_key_arn]
    },
  ]
}

resource "aws_secretsmanager_secret" "logs_token" {
  #checkov:skip=CKV_AWS_149:The AWS managed key is enough here; logs_token_secret_arn takes a secret with a key of its own.
  #checkov:skip=CKV2_AWS_57:The token is the destination's; nothing here can make a new one.
  count = local.makes_logs_secret ? 1 : 0

  name_prefix = "${var.name}-logs-token-"
  description = "The token that the function's own logs are shipped with."
}

resource "aws_secretsmanager_secret_version" "logs_token" {
  count = local.makes_logs_secret ? 1 : 0

  secret_id     = one(aws_secretsmanager_secret.logs_token[*].id)
  secret_string = jsonencode({ api_key = var.logs_token })
}

resource "aws_lambda_layer_version" "logs_extension" {
  count = local.ships_logs ? 1 : 0

  layer_name               = "${var.name}-logs-extension"
  description              = "Ships a Python function's own logs to Logz.io, Loki, OpenObserve or a Data Tap."
  filename                 = local.logs_extension_zip
  source_code_hash         = filebase64sha256(local.logs_extension_zip)
  compatible_runtimes      = ["python3.9", "python3.10", "python3.11", "python3.12", "python3.13", "python3.14"]
  compatible_architectures = ["x86_64", "arm64"]
  license_info             = "Apache-2.0"
  # Other functions may use a version, and one that is deleted could not be attached to them again.
  skip_destroy = true
}
