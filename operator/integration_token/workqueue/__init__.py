"""When work runs: keys, due times, workers that serve namespaces in turn, and the queues for requests to endpoints.

Here: order, rates, and limits on requests in flight. Not here: what the work does.
"""
