"""Where records are sent to; one module per destination."""
