"""Authentication: users, sessions and the middleware."""
