"""The only package that knows every concrete class: settings in, working parts out."""
