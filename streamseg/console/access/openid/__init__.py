"""Login at an OpenID Connect provider: authorization code with PKCE, and the checks of what comes back."""
