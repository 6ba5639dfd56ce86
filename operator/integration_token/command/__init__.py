"""The commands for people: what they look at and ask for, as the user of a kubeconfig.

Here: what is shown, and in which words. Not here: a token request, the data of credentials, and what the operator does.
"""
