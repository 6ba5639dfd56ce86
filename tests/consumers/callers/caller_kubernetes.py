"""Calls an API with the Kubernetes Python client again and again, as in a pod, with FILE and CA as arguments."""

import os
import sys
import time
from urllib.parse import urlsplit

import urllib3
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException
from kubernetes.config.incluster_config import InClusterConfigLoader

url = urlsplit(os.environ["API_URL"])
server = {"KUBERNETES_SERVICE_HOST": url.hostname, "KUBERNETES_SERVICE_PORT": str(url.port)}
InClusterConfigLoader(token_filename=sys.argv[1], cert_filename=sys.argv[2], environ=server).load_and_set()
with ApiClient() as client:
    while True:
        try:
            client.call_api(*client.param_serialize("GET", url.path, auth_settings=["BearerToken"])).read()
        except (ApiException, urllib3.exceptions.HTTPError) as error:
            print(f"the call failed: {error!r}", flush=True)
        time.sleep(float(os.environ["INTERVAL"]))
