"""Hamilton's lifecycle adapters by name: progress, opentelemetry, openlineage, mlflow, tracker, and those of others."""
