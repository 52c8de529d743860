"""The site of docs/: drawings made from the code, docstrings as pages, and Sphinx."""
