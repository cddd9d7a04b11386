"""Who may come in: users, sessions, the middleware that asks."""
