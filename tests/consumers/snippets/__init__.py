"""Few lines that add the token to what a library sends, as the documents show them."""
