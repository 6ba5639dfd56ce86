"""Requests as vendors' published pages have them, for endpoints that can't be run here.

One module a vendor, which names its page and the day on which it was read, and refuses whatever that page doesn't
allow. It shows that the operator sends what is written there, and not that the vendor's server takes it.
"""
