"""Terraform's own validation of the module: a stand-in for its AWS provider."""
