// The documents' RoundTripper, and a program around it.
module integrationtoken.dev/tests/consumers/roundtripper

go 1.26.0
