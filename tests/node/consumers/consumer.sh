#!/bin/sh
# Calls the API with the token that the mounted file holds at the moment of the call.
#
# curl reads the file, so the token stands on no command line. The key is of the IntegrationToken's template:
#   curl.conf: |
#     header = "Authorization: ${authorization}"
while true; do
  curl --silent --show-error --fail --output /dev/null --max-time 10 --config /var/run/integration/curl.conf "$API_URL"
  sleep "$INTERVAL"
done
