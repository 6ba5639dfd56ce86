"""Who works when: keys, due times, workers in turn by namespace, and the queues for requests to endpoints.

Here: order, rates, and limits on requests in flight. Not here: what the work consists of.
"""
