"""Asks the web process in this container whether it is ready, under the name the portal is reached by."""

import http.client
import os
import sys
from urllib.parse import urlsplit

connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=4)
connection.request("GET", "/readyz", headers={"Host": urlsplit(os.environ["SIGNALBOX_URL"]).hostname or "localhost"})
sys.exit(connection.getresponse().status != http.HTTPStatus.OK)
