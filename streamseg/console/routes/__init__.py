"""What is served: pages with their downloads and live updates, login, assets, health."""
