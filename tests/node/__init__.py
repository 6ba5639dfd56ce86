"""The image, and what runs on a node: needs root, Linux, and the tools from Debian packages."""
