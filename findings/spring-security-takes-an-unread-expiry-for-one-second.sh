#!/usr/bin/env bash
# Spring Security's OAuth 2.0 client (Java): an expiry that it cannot read becomes 1 s, and each call then gets a token.
#
# One would guess: a token without `expires_in`, only recommended by RFC 6749, is used until an API refuses it, or for
# some default of minutes; and any JSON library reads 3600 as 3600.
# In fact: it expires after 1 s, and since a new one is requested from 60 s before the expiry, none is used twice. The
# same happens with lifetimes up to 60 s, and with 3600.0. With Gson as the only JSON library it happens with any: Gson
# reads numbers as doubles, and "3600.0" is not a long. Nothing fails; only the token server's load shows it.
# For operators of token servers: return `expires_in`, an integer above 60. For authors of clients: check what your
# library does with an expiry that it cannot read. Needs Java 17 or later and Maven.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
cat >pom.xml <<'XML'
<project>
  <modelVersion>4.0.0</modelVersion><groupId>trial</groupId><artifactId>trial</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.springframework.security</groupId>
      <artifactId>spring-security-oauth2-client</artifactId><version>7.0.8</version></dependency>
    <dependency><groupId>tools.jackson.core</groupId>
      <artifactId>jackson-databind</artifactId><version>3.3.0</version></dependency>
    <dependency><groupId>com.google.code.gson</groupId>
      <artifactId>gson</artifactId><version>2.13.2</version></dependency>
  </dependencies>
</project>
XML
mvn -q -B -Dmaven.repo.local="$tmp/repository" \
  org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory="$tmp/lib"
cat >Trial.java <<'JAVA'
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.security.oauth2.client.*;
import org.springframework.security.oauth2.client.registration.*;
import org.springframework.security.oauth2.core.AuthorizationGrantType;

class Trial {
    static String trial(String lifetime) throws Exception {
        var asked = new AtomicInteger();
        var server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/token", exchange -> {
            asked.incrementAndGet();
            var expiry = lifetime.isEmpty() ? "" : ", 'expires_in': " + lifetime;
            var token = ("{'access_token': 'opaque', 'token_type': 'Bearer'" + expiry + "}").replace("'", "\"");
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(200, token.length());
            exchange.getResponseBody().write(token.getBytes());
            exchange.close();
        });
        server.start();
        var client = ClientRegistration.withRegistrationId("reporter").clientId("reporter").clientSecret("opensesame")
            .authorizationGrantType(AuthorizationGrantType.CLIENT_CREDENTIALS)
            .tokenUri("http://127.0.0.1:" + server.getAddress().getPort() + "/token").build();
        var all = new InMemoryClientRegistrationRepository(client);
        var kept = new InMemoryOAuth2AuthorizedClientService(all);
        var manager = new AuthorizedClientServiceOAuth2AuthorizedClientManager(all, kept);
        var call = OAuth2AuthorizeRequest.withClientRegistrationId("reporter").principal("job").build();
        for (int i = 1; i < 5; i++) manager.authorize(call);
        var token = manager.authorize(call).getAccessToken();
        server.stop(0);
        var lived = Duration.between(token.getIssuedAt(), token.getExpiresAt()).toSeconds();
        return "%s: %s of %d s".formatted(lifetime, asked, lived);
    }
    public static void main(String[] measured) throws Exception {
        for (var expected : measured) {
            var seen = trial(expected.split(":")[0]);
            System.out.println("  " + seen);
            if (!seen.equals(expected)) throw new AssertionError("this has changed: it was " + expected);
        }
    }
}
JAVA
printf '%s\n' lib/spring-security-oauth2-client-*.jar lib/jackson-databind-*.jar lib/gson-*.jar
mkdir jackson gson && mv lib/jackson-*.jar jackson && mv lib/gson-*.jar gson
echo "expires_in: tokens that five calls got, and their lifetime; with Jackson, then with Gson"
java -cp 'lib/*:jackson/*' Trial.java ': 5 of 1 s' '60: 5 of 60 s' '3600: 1 of 3600 s' '3600.0: 5 of 1 s'
java -cp 'lib/*:gson/*' Trial.java ': 5 of 1 s' '60: 5 of 1 s' '3600: 5 of 1 s' '3600.0: 5 of 1 s'
