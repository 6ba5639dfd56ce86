#!/usr/bin/env bash
# Strimzi's OAuth client for Kafka (Java): an opaque token from a file is assumed to live for a year, and the file is
# not read again before most of that is over.
#
# One would guess: with `oauth.access.token.location` the file is read regularly, as other programs read a mounted
# token, or at each connection; and nothing is assumed about a token that is not a JWT, whose expiry nobody can know.
# In fact: the library tells Kafka that such a token lives for 365 days. Kafka's login reads the file again when 80 % of
# that is over, after 292 days. A JWT's `exp` is believed, so all is well until somebody makes the token server issue
# opaque tokens: then each program keeps the one that it read at startup. Nothing is logged.
# For operators of Kafka clients with mounted tokens: use JWTs, or restart the clients. For authors of such a client: if
# a token has no expiry, read its file for each login. Needs Java 17 or later and Maven.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
cat >pom.xml <<'XML'
<project>
  <modelVersion>4.0.0</modelVersion><groupId>trial</groupId><artifactId>trial</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>io.strimzi</groupId>
      <artifactId>kafka-oauth-client</artifactId><version>0.17.1</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId>
      <artifactId>kafka-clients</artifactId><version>4.1.1</version></dependency>
    <dependency><groupId>org.slf4j</groupId>
      <artifactId>slf4j-nop</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
XML
mvn -q -B -Dmaven.repo.local="$tmp/repository" \
  org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory="$tmp/lib"
cat >Trial.java <<'JAVA'
import io.strimzi.kafka.oauth.client.JaasClientOauthLoginCallbackHandler;
import java.nio.file.*;
import java.time.*;
import java.util.*;
import javax.security.auth.callback.Callback;
import javax.security.auth.login.AppConfigurationEntry;
import javax.security.auth.login.AppConfigurationEntry.LoginModuleControlFlag;
import org.apache.kafka.common.config.SaslConfigs;
import org.apache.kafka.common.security.oauthbearer.*;

class Trial {
    static String part(String text) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(text.getBytes());
    }
    /** A JWT that lives for an hour; nobody looks at its signature here. */
    static String jwt() {
        var now = Instant.now().getEpochSecond();
        var claims = "{\"sub\": \"reporter\", \"iat\": %d, \"exp\": %d}".formatted(now, now + 3600);
        return part("{\"alg\": \"RS256\"}") + "." + part(claims) + "." + part("signature");
    }
    /** Hours from now on that the library has Kafka believe the file's token to live. */
    static double hours(Path file) throws Exception {
        var options = Map.of("oauth.access.token.location", file.toString());
        var entry = new AppConfigurationEntry(
            OAuthBearerLoginModule.class.getName(), LoginModuleControlFlag.REQUIRED, options);
        var handler = new JaasClientOauthLoginCallbackHandler();
        handler.configure(Map.of(), OAuthBearerLoginModule.OAUTHBEARER_MECHANISM, List.of(entry));
        var callback = new OAuthBearerTokenCallback();
        handler.handle(new Callback[] {callback});
        handler.close();
        return (callback.token().lifetimeMs() - System.currentTimeMillis()) / 3_600_000.0;
    }
    public static void main(String[] none) throws Exception {
        var file = Path.of("token");
        var seen = new ArrayList<String>();
        for (var token : List.of("0a1b2c3d-opaque", jwt())) {
            Files.writeString(file, token);
            var hours = hours(file);
            var again = hours * SaslConfigs.DEFAULT_LOGIN_REFRESH_WINDOW_FACTOR;
            var kind = token.startsWith("0a") ? "an opaque token" : "a JWT of an hour";
            seen.add("%s: taken to live %.0f h, its file read again after %.1f h".formatted(kind, hours, again));
            System.out.println("  " + seen.get(seen.size() - 1));
        }
        var expected = List.of(
            "an opaque token: taken to live 8760 h, its file read again after 7008.0 h",
            "a JWT of an hour: taken to live 1 h, its file read again after 0.8 h");
        if (!seen.equals(expected)) throw new AssertionError("this has changed: it was " + expected);
    }
}
JAVA
printf '%s\n' lib/kafka-oauth-client-*.jar lib/kafka-clients-*.jar
java -cp 'lib/*' Trial.java
