#!/bin/sh
# Calls the API with the token that the mounted file holds at the moment of the call.
while true; do
  curl --silent --show-error --fail --output /dev/null --max-time 10 \
    --config /var/run/integration/curl.conf "$API_URL"
  sleep "$INTERVAL"
done
