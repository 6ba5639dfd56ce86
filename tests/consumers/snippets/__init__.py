"""The few lines that add the token to a library's requests, as documented."""
