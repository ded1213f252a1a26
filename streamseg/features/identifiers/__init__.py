"""E-mail addresses and phone numbers of customers: their normal forms, and the hashes of these that rows keep."""
