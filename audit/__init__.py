"""`make audit`: known vulnerabilities of all locked packages, and an SBOM of what ships."""
