"""Requests as documented by vendors whose endpoints can't be run here.

There is one module per vendor, which names the page and the day it was read, and refuses whatever the page doesn't
allow. It shows that the operator sends what is documented, not that the vendor's server accepts it.
"""
