#!/bin/sh
# Calls the API with the token that the mounted file holds at the moment of the call.
set -eu
while true; do
  # A redirect counts as a failed call: followed, it could take the token elsewhere.
  curl --silent --show-error --fail --location --max-redirs 0 --max-time 10 --output /dev/null \
    --config /var/run/integration/curl.conf "$API_URL" || echo "the call failed"
  sleep "$INTERVAL"
done
