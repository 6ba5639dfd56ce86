"""Other people's servers, as strict and as nasty as the real ones: a token endpoint, and an API that checks tokens.

with TokenEndpoint(lifetime=20, lead=8, clients={"id": "secret"}) as endpoint:
    endpoint.fault(fault.slow(3), client_id="id", count=1)
    ...  # request a token at endpoint.url
    assert [record.outcome for record in endpoint.log] == ["minted"]
"""
