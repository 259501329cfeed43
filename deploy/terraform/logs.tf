# --- The function's own logs: layer and variables of the logs extension

locals {
  has_logs_token = var.logs_token_secret_arn != ""

  ships_logs = local.has_logs_token || (var.logs_destination == "loki" && var.logs_listener != "")

  logs_extension_zip = coalesce(var.logs_extension_zip, "${path.module}/../../dist/logs-extension.zip")

  logs_variables = {
    logzio = {
      LOGZIO_LOGS_TOKEN_ARN = var.logs_token_secret_arn
      LOGZIO_LISTENER       = var.logs_listener
    }
    loki = {
      LOKI_PASSWORD_ARN = var.logs_token_secret_arn
      LOKI_URL          = var.logs_listener
    }
    openobserve = {
      O2_AUTHORIZATION_HEADER_ARN = var.logs_token_secret_arn
      O2_ENDPOINT                 = var.logs_listener
    }
    datatap = {
      BD_TAP_CLIENT_TOKEN_ARN = var.logs_token_secret_arn
      BD_DATA_TAP_URL         = var.logs_listener
    }
  }

  read_logs_token = !local.has_logs_token ? [] : [
    {
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = [var.logs_token_secret_arn]
    },
  ]

  decrypt_logs_token = !local.has_logs_token ? [] : [
    {
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = [local.any_key]
      Condition = { StringEquals = { (local.names_secret) = [var.logs_token_secret_arn] } }
    },
  ]
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
