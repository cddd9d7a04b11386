"""Signed deliveries of published sets from one site to another."""
