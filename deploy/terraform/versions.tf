terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # The first with invoked_via_function_url, without which a Function URL answers 403.
      version = ">= 6.28.0"
    }
  }
}
