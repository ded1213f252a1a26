"""Lists that people upload: customer ids, and hashes of e-mail addresses and phone numbers."""
