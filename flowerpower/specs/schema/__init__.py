"""The models as JSON Schemas that are good in an editor."""
