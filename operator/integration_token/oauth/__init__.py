"""The token request of the client credentials grant (RFC 6749, 4.4): built, sent, and its answer judged."""
