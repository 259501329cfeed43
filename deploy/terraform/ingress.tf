locals {
  is_http_api     = var.ingress == "HttpApi"
  is_rest_api     = var.ingress == "RestApi"
  is_api_gateway  = local.is_http_api || local.is_rest_api
  is_function_url = var.ingress == "FunctionUrl"
  is_http         = var.ingress != "Transformation"
  backs_up_source = !local.is_http && var.s3_backup_mode == "AllData"

  # Null with Transformation, where Firehose invokes the function itself.
  endpoint_url = one(concat(
    [for stage in aws_apigatewayv2_stage.http_api : stage.invoke_url],
    [for stage in aws_api_gateway_stage.rest_api : "${stage.invoke_url}/"],
    aws_lambda_function_url.receiver[*].function_url,
  ))
}

# --- HTTP API

resource "aws_apigatewayv2_api" "http_api" {
  count = local.is_http_api ? 1 : 0

  name          = "${var.name}-receiver"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "http_api" {
  count = local.is_http_api ? 1 : 0

  api_id                 = aws_apigatewayv2_api.http_api[0].id
  integration_type       = "AWS_PROXY"
  integration_method     = "POST"
  integration_uri        = aws_lambda_function.metric_stream.arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "http_api" {
  #checkov:skip=CKV_AWS_309:Firehose cannot sign requests; the function compares the access key of each one.
  count = local.is_http_api ? 1 : 0

  api_id             = aws_apigatewayv2_api.http_api[0].id
  route_key          = "POST /"
  authorization_type = "NONE"
  target             = "integrations/${aws_apigatewayv2_integration.http_api[0].id}"
}

resource "aws_apigatewayv2_stage" "http_api" {
  #checkov:skip=CKV_AWS_76:The function logs every delivery, and Firehose every failure; access logs would repeat them.
  count = local.is_http_api ? 1 : 0

  api_id      = aws_apigatewayv2_api.http_api[0].id
  name        = "$default"
  auto_deploy = true

  # Twelve times what a stream of a million metrics takes; docs/operations.md has the sizes.
  default_route_settings {
    throttling_rate_limit  = 50
    throttling_burst_limit = 100
  }
}

resource "aws_lambda_permission" "http_api" {
  count = local.is_http_api ? 1 : 0

  statement_id  = "HttpApi"
  function_name = aws_lambda_function.metric_stream.function_name
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.http_api[0].execution_arn}/*/POST/"
}

# --- REST API

resource "aws_api_gateway_rest_api" "rest_api" {
  #checkov:skip=CKV_AWS_237:Nothing that can be set here replaces it.
  count = local.is_rest_api ? 1 : 0

  name = "${var.name}-receiver"

  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

resource "aws_api_gateway_method" "rest_api" {
  #checkov:skip=CKV_AWS_59:Firehose cannot sign requests; the function compares the access key of each one.
  #checkov:skip=CKV2_AWS_53:The function reads the request itself and refuses what it cannot.
  count = local.is_rest_api ? 1 : 0

  rest_api_id   = aws_api_gateway_rest_api.rest_api[0].id
  resource_id   = aws_api_gateway_rest_api.rest_api[0].root_resource_id
  http_method   = "POST"
  authorization = "NONE"
}

resource "aws_api_gateway_integration" "rest_api" {
  count = local.is_rest_api ? 1 : 0

  rest_api_id             = aws_api_gateway_rest_api.rest_api[0].id
  resource_id             = aws_api_gateway_method.rest_api[0].resource_id
  http_method             = aws_api_gateway_method.rest_api[0].http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = aws_lambda_function.metric_stream.invoke_arn
}

resource "aws_api_gateway_deployment" "rest_api" {
  count = local.is_rest_api ? 1 : 0

  rest_api_id = aws_api_gateway_rest_api.rest_api[0].id

  # A deployment is a copy of the method at one time, so a change of the method needs another one.
  triggers = {
    method = sha1(jsonencode([
      aws_api_gateway_method.rest_api[0].http_method,
      aws_api_gateway_method.rest_api[0].authorization,
      aws_api_gateway_integration.rest_api[0].type,
      aws_api_gateway_integration.rest_api[0].integration_http_method,
      aws_api_gateway_integration.rest_api[0].uri,
    ]))
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "rest_api" {
  #checkov:skip=CKV_AWS_76:The function logs every delivery, and Firehose every failure; access logs would repeat them.
  #checkov:skip=CKV_AWS_73:Tracing costs per request and shows nothing that the delivery's log line does not.
  #checkov:skip=CKV2_AWS_4:The function logs every delivery, and Firehose every failure; execution logs would repeat them.
  #checkov:skip=CKV2_AWS_29:The function compares the access key of each request; reserved_concurrency bounds their cost.
  #checkov:skip=CKV2_AWS_51:The back end is a function, which no certificate reaches.
  #checkov:skip=CKV_AWS_120:A delivery must never be answered from a cache.
  count = local.is_rest_api ? 1 : 0

  rest_api_id   = aws_api_gateway_rest_api.rest_api[0].id
  deployment_id = aws_api_gateway_deployment.rest_api[0].id
  stage_name    = "v1"
}

resource "aws_api_gateway_method_settings" "rest_api" {
  #checkov:skip=CKV_AWS_225:A delivery must never be answered from a cache.
  count = local.is_rest_api ? 1 : 0

  rest_api_id = aws_api_gateway_rest_api.rest_api[0].id
  stage_name  = aws_api_gateway_stage.rest_api[0].stage_name
  method_path = "*/*"

  settings {
    throttling_rate_limit  = 50
    throttling_burst_limit = 100
  }
}

resource "aws_lambda_permission" "rest_api" {
  count = local.is_rest_api ? 1 : 0

  statement_id  = "RestApi"
  function_name = aws_lambda_function.metric_stream.function_name
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.rest_api[0].execution_arn}/*/POST/"
}

# --- Function URL

resource "aws_lambda_function_url" "receiver" {
  #checkov:skip=CKV_AWS_258:Firehose cannot sign requests; the function compares the access key of each one.
  count = local.is_function_url ? 1 : 0

  function_name      = aws_lambda_function.metric_stream.function_name
  authorization_type = "NONE"
}

# A Function URL answers 403 unless both of these are granted.
resource "aws_lambda_permission" "function_url" {
  #checkov:skip=CKV_AWS_301:Firehose cannot sign requests; the function compares the access key of each one.
  count = local.is_function_url ? 1 : 0

  statement_id           = "FunctionUrl"
  function_name          = aws_lambda_function.metric_stream.function_name
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "*"
  function_url_auth_type = "NONE"
}

resource "aws_lambda_permission" "function_url_invoke" {
  #checkov:skip=CKV_AWS_301:Holds for calls through the Function URL alone.
  count = local.is_function_url ? 1 : 0

  statement_id             = "FunctionUrlInvoke"
  function_name            = aws_lambda_function.metric_stream.function_name
  action                   = "lambda:InvokeFunction"
  principal                = "*"
  invoked_via_function_url = true
}
