"""Pictures, HTML and PDF."""
