"""Who may see and change what: keys, sessions, limits of attempts, security headers."""
