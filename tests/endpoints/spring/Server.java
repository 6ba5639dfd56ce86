import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import javax.security.auth.x500.X500Principal;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.Ordered;
import org.springframework.security.crypto.password.PasswordEncoder;
import org.springframework.security.oauth2.core.AuthorizationGrantType;
import org.springframework.security.oauth2.core.ClientAuthenticationMethod;
import org.springframework.security.oauth2.jose.jws.JwsAlgorithm;
import org.springframework.security.oauth2.jose.jws.MacAlgorithm;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.server.authorization.client.RegisteredClient;
import org.springframework.security.oauth2.server.authorization.client.RegisteredClientRepository;
import org.springframework.security.oauth2.server.authorization.settings.AuthorizationServerSettings;
import org.springframework.security.oauth2.server.authorization.settings.ClientSettings;
import org.springframework.security.oauth2.server.authorization.settings.TokenSettings;
import org.springframework.web.filter.OncePerRequestFilter;

/** Spring Authorization Server as Boot sets it up, with the clients that it is told of: see Managed in managed.py. */
@Configuration
@EnableAutoConfiguration
public class Server {
    private static final String CLIENTS = "/-/clients/";
    /** As the harness told of them, by their names, which are their IDs. */
    private final Map<String, JsonNode> clients = new ConcurrentHashMap<>();

    public static void main(String[] arguments) {
        System.setProperty("server.address", "127.0.0.1");
        System.setProperty("server.forward-headers-strategy", "framework");
        SpringApplication.run(Server.class, arguments);
    }

    @Bean
    AuthorizationServerSettings settings(@Value("${issuer}") String issuer) {
        return AuthorizationServerSettings.builder().issuer(issuer).build();
    }

    /** Secrets are kept as they are: a hashed one could prove no assertion. */
    @Bean
    @SuppressWarnings("deprecation")
    PasswordEncoder plain() {
        return org.springframework.security.crypto.password.NoOpPasswordEncoder.getInstance();
    }

    @Bean
    RegisteredClientRepository repository(@Value("${server.port}") int port) {
        return new RegisteredClientRepository() {
            @Override
            public void save(RegisteredClient client) {}

            @Override
            public RegisteredClient findById(String id) {
                return findByClientId(id.substring(0, id.lastIndexOf('#')));
            }

            @Override
            public RegisteredClient findByClientId(String id) {
                JsonNode told = clients.get(id);
                return told == null ? null : registered(told, port);
            }
        };
    }

    private static RegisteredClient registered(JsonNode told, int port) {
        String name = told.get("id").asString();
        String method = told.get("method").asString();
        ClientSettings.Builder settings = ClientSettings.builder();
        if (told.has("key")) {
            settings.jwkSetUrl("http://127.0.0.1:" + port + CLIENTS + name);
        }
        if (told.has("subject")) {
            // Java escapes more than RFC 4514 asks for, and its spelling is what the server compares.
            settings.x509CertificateSubjectDN(new X500Principal(told.get("subject").asString()).getName());
        }
        if (method.endsWith("_jwt")) {
            JwsAlgorithm algorithm = told.has("key") ? SignatureAlgorithm.RS256 : MacAlgorithm.HS256;
            settings.tokenEndpointAuthenticationSigningAlgorithm(algorithm);
        }
        Duration lifetime = Duration.ofSeconds(told.get("lifetime").asInt());
        // The server keeps what proves an assertion for as long as the client has this ID.
        return RegisteredClient.withId(name + "#" + told.hashCode())
                .clientId(name)
                .clientSecret(told.has("secret") ? told.get("secret").asString() : null)
                .clientAuthenticationMethod(new ClientAuthenticationMethod(method))
                .authorizationGrantType(
                        told.get("granted").asBoolean()
                                ? AuthorizationGrantType.CLIENT_CREDENTIALS
                                : AuthorizationGrantType.REFRESH_TOKEN)
                .scopes(scopes -> told.get("scopes").forEach(scope -> scopes.add(scope.asString())))
                .clientSettings(settings.build())
                .tokenSettings(TokenSettings.builder().accessTokenTimeToLive(lifetime).build())
                .build();
    }

    /** What the harness asks, and the client certificate that the front passes on (RFC 9440): before all else. */
    @Bean
    FilterRegistrationBean<OncePerRequestFilter> first() {
        FilterRegistrationBean<OncePerRequestFilter> filter = new FilterRegistrationBean<>(harness());
        filter.setOrder(Ordered.HIGHEST_PRECEDENCE);
        return filter;
    }

    private OncePerRequestFilter harness() {
        return new OncePerRequestFilter() {
            private final ObjectMapper json = new ObjectMapper();

            @Override
            protected void doFilterInternal(
                    HttpServletRequest request, HttpServletResponse response, FilterChain chain)
                    throws ServletException, IOException {
                String path = request.getRequestURI();
                if (!path.startsWith("/-/")) {
                    setCertificate(request);
                    chain.doFilter(request, response);
                    return;
                }
                String name = path.substring(path.lastIndexOf('/') + 1);
                switch (request.getMethod()) {
                    case "PUT" -> clients.put(name, json.readTree(request.getInputStream()));
                    case "DELETE" -> clients.remove(name);
                    default -> {
                        // The client's keys, which the server asks for here, or whether anybody is there.
                        response.setContentType("application/json");
                        Object keys = clients.containsKey(name) ? new Object[] {clients.get(name).get("key")} : "";
                        json.writeValue(response.getOutputStream(), Map.of("keys", keys));
                    }
                }
            }
        };
    }

    private static void setCertificate(HttpServletRequest request) throws ServletException {
        String header = request.getHeader("client-cert");
        if (header == null) {
            return;
        }
        byte[] der = Base64.getDecoder().decode(header.substring(1, header.length() - 1));
        try {
            X509Certificate shown =
                    (X509Certificate)
                            CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(der));
            // A single one would be taken for one that is signed by itself; the front has seen by whom it is.
            request.setAttribute("jakarta.servlet.request.X509Certificate", new X509Certificate[] {shown, shown});
        } catch (CertificateException error) {
            throw new ServletException(error);
        }
    }
}
