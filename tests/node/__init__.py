"""The image and what runs on a node: needs root, Linux, and Debian's packages of the tools."""
