"""The documents as a site: how it is built, and what it must not contain."""
