"""Rendering of images, HTML and PDF."""
