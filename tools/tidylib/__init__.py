"""The rules behind tools/tidy, one module a subject."""
