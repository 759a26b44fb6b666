"""A call for every member of the language that may hold a secret: each names secrets of its own.

`HOST` is who answers, or refuses with all that it was asked; the other words in capitals tell everybody else
which of both to do, and where they are.
"""

import re
from typing import Final

CALLS: Final = r"""
http:
  call: http
  with:
    method: post
    endpoint: '${ "https://HOST/\($secrets.path)" }'
    headers: {x-key: '${ $secrets.header }'}
    query: {q: '${ $secrets.query }'}
    body: {deep: ['${ "x \($secrets.body) y" }', '${ $secrets.file }'], plain: '${ .plain }'}
    output: response
http whole:
  call: http
  with:
    method: post
    endpoint:
      uri: '${ "https://HOST/\($secrets.uri)" }'
      authentication:
        basic: {username: '${ $secrets.basicUser }', password: '${ $secrets.basicPassword }'}
    headers: '${ $secrets.headers }'
    query: '${ $secrets.queries }'
    body: '${ $secrets.content }'
    output: raw
basic by name:
  call: http
  with:
    method: get
    endpoint: {uri: 'https://HOST/a', authentication: {use: basic}}
bearer by name:
  call: http
  with:
    method: get
    endpoint: {uri: 'https://HOST/a', authentication: {use: bearer}}
digest by name:
  call: http
  with:
    method: get
    endpoint: {uri: 'https://HOST/digest', authentication: {use: digest}}
oauth2 by name:
  call: http
  with:
    method: get
    endpoint: {uri: 'https://HOST/a', authentication: {use: oauth2}}
oidc by name:
  call: http
  with:
    method: get
    endpoint: {uri: 'https://HOST/a', authentication: {use: oidc}}
bearer:
  call: http
  with:
    method: get
    endpoint: {uri: 'https://HOST/a', authentication: {bearer: {token: '${ $secrets.token }'}}}
digest:
  call: http
  with:
    method: get
    endpoint:
      uri: https://HOST/digest
      authentication:
        digest: {username: '${ $secrets.digestUser }', password: '${ $secrets.digestPassword }'}
basic of a secret:
  call: http
  with:
    method: get
    endpoint: {uri: 'https://HOST/a', authentication: {basic: {use: basicWhole}}}
oauth2 password:
  call: http
  with:
    method: get
    endpoint:
      uri: https://HOST/a
      authentication:
        oauth2:
          authority: https://HOST
          grant: password
          username: '${ $secrets.oauthUser }'
          password: '${ $secrets.oauthPassword }'
          client: {id: '${ $secrets.oauthId }', secret: '${ $secrets.oauthSecret }'}
          scopes: ['${ $secrets.oauthScope }']
          audiences: ['${ $secrets.oauthAudience }']
          issuers: ['${ $secrets.oauthIssuer }']
oauth2 exchange:
  call: http
  with:
    method: get
    endpoint:
      uri: https://HOST/a
      authentication:
        oauth2:
          authority: https://HOST
          grant: urn:ietf:params:oauth:grant-type:token-exchange
          subject: {token: '${ $secrets.oauthSubject }', type: '${ $secrets.oauthSubjectType }'}
          actor: {token: '${ $secrets.oauthActor }', type: '${ $secrets.oauthActorType }'}
          client: {id: a, assertion: '${ $secrets.oauthAssertion }', authentication: private_key_jwt}
oidc password:
  call: http
  with:
    method: get
    endpoint:
      uri: https://HOST/a
      authentication:
        oidc:
          authority: https://HOST
          grant: password
          username: '${ $secrets.oidcUser }'
          password: '${ $secrets.oidcPassword }'
          client: {id: '${ $secrets.oidcId }', secret: '${ $secrets.oidcSecret }'}
          scopes: ['${ $secrets.oidcScope }']
          audiences: ['${ $secrets.oidcAudience }']
          issuers: ['${ $secrets.oidcIssuer }']
oidc exchange:
  call: http
  with:
    method: get
    endpoint:
      uri: https://HOST/a
      authentication:
        oidc:
          authority: https://HOST
          grant: urn:ietf:params:oauth:grant-type:token-exchange
          subject: {token: '${ $secrets.oidcSubject }', type: access}
          actor: {token: '${ $secrets.oidcActor }', type: access}
          client: {id: a}
openapi:
  call: openapi
  with:
    document: {endpoint: 'https://docs.example.com/HOST.json'}
    operationId: keep
    parameters:
      id: a
      q: '${ $secrets.apiQuery }'
      x-trace: '${ "t \($secrets.apiHeader)" }'
      name: '${ $secrets.apiBody }'
    authentication: {bearer: {token: '${ $secrets.apiToken }'}}
asyncapi:
  call: asyncapi
  with:
    document: {endpoint: 'https://docs.example.com/HOST-events.json'}
    operation: tell
    message:
      payload: {deep: ['${ $secrets.toldText }']}
      headers: {x-key: '${ $secrets.toldHeader }'}
    authentication: {bearer: {token: '${ $secrets.toldToken }'}}
grpc:
  call: grpc
  with:
    proto: {endpoint: 'file:app/greet.proto'}
    service:
      name: GreeterApi.Greeter
      host: localhost
      port: 5011
      authentication: {bearer: {token: '${ $secrets.grpcToken }'}}
    method: SayHello
    arguments: {name: '${ "WORD \($secrets.grpcName)" }'}
mcp over http:
  call: mcp
  with:
    method: tools/call
    parameters: {name: TELLS_HEADERS, arguments: {text: '${ $secrets.mcpText }'}}
    transport:
      http:
        endpoint:
          uri: '${ "MCP?key=\($secrets.mcpKey)" }'
          authentication: {bearer: {token: '${ $secrets.mcpToken }'}}
        headers: {x-key: '${ $secrets.mcpHeader }'}
      options: {any: '${ $secrets.mcpOption }'}
mcp whole:
  call: mcp
  with:
    method: tools/call
    parameters: '${ $secrets.mcpParameters }'
    transport: {http: {endpoint: '${ "MCP?key=\($secrets.mcpWhole)" }'}}
mcp program:
  call: mcp
  with:
    method: tools/call
    parameters: {name: TELLS_ENVIRONMENT, arguments: {text: '${ $secrets.mcpSaid }'}}
    transport:
      stdio:
        command: '${ $secrets.mcpCommand }'
        arguments: [-W, ignore, -c, CODE, '${ $secrets.mcpArgument }']
        environment: {TOKEN: '${ $secrets.mcpVariable }'}
a2a:
  call: a2a
  with:
    method: message/send
    server:
      uri: '${ "https://HOST/rpc/\($secrets.agentPath)" }'
      authentication: {bearer: {token: '${ $secrets.agentToken }'}}
    parameters:
      message: {kind: message, role: user, parts: [{kind: text, text: '${ $secrets.agentText }'}]}
a2a by its card:
  call: a2a
  with:
    method: message/send
    agentCard:
      endpoint:
        uri: https://HOST/card
        authentication: {bearer: {token: '${ $secrets.cardToken }'}}
    parameters: '${ $secrets.agentParameters }'
function:
  call: test.own:1.0.0
  with: {a: ['${ $secrets.own }'], raise: RAISE}
unreachable:
  call: http
  with: {method: get, endpoint: '${ "http://127.0.0.1:1/\($secrets.nowhere)" }'}
expression:
  call: http
  with:
    method: post
    endpoint: https://HOST/a
    body: ['${ "\($secrets.beside) \(.plain | tonumber)" }']
"""
AUTHENTICATIONS: Final = r"""
basic: {basic: {username: '${ $secrets.namedUser }', password: '${ $secrets.namedPassword }'}}
bearer: {bearer: {use: bearerWhole}}
digest: {digest: {use: digestWhole}}
oauth2: {oauth2: {use: oauthWhole}}
oidc: {oidc: {use: oidcWhole}}
"""
# What never reaches anybody, and what does not fail whatever the service is told.
FAILS: Final = ("unreachable", "expression")
REPEATS: Final = "mcp whole"
# Programs, gRPC and MCP are not heard here: that they had them shows where they tell them back.
TOLD_BACK: Final = ("grpc", "mcp over http", "mcp whole", "mcp program", "function")
# Issuers are compared with what answers say; the last is of another test.
UNSENT: Final = ("nowhere", "beside", "oauthIssuer", "oidcIssuer", "refused")
_NAMES: Final = re.compile(r"\$secrets\.(\w+)|\buse\W+(\w+Whole)")


def secret_names(*parts: object) -> list[str]:
    """Every secret that these parts of documents use, in their order."""
    found = _NAMES.findall("".join(map(str, parts)))
    return list(dict.fromkeys(path or whole for path, whole in found))
