"""Who works when: keys, due times, workers in turn by namespace, and the queues for requests to endpoints.

Here: order, rates and places. Not here: what the work consists of.
"""
