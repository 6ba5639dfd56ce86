"""The commands for people, run as the user of a kubeconfig.

Here: what is shown, and how. Not here: token requests, the data of credentials, and what the operator does.
"""
