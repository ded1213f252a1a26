"""The console: pages for people who decide, over HTTP. Read `app.py` first, then one of `pages/`."""
