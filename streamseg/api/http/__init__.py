"""What every HTTP route shares: access, limits, answers, problems."""
