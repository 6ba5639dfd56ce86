import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Calls the API with the token that the mounted file holds at the moment of the call. */
public class Consumer {
    private static final Path AUTHORIZATION = Path.of("/var/run/integration/authorization");
    private static final HttpClient CLIENT = HttpClient.newHttpClient(); // follows no redirects

    static String call(URI url) throws IOException, InterruptedException, ExecutionException, TimeoutException {
        // Read for every call: that costs microseconds, and a renewed token is used at once.
        var request = HttpRequest.newBuilder(url)
                .header("Authorization", Files.readString(AUTHORIZATION).strip())
                .build();
        var pending = CLIENT.sendAsync(request, BodyHandlers.ofString());
        try {
            // Not the request's own timeout, which ends with the answer's head: a body could stall for ever.
            var answer = pending.get(10, TimeUnit.SECONDS);
            if (answer.statusCode() != 200) {
                throw new IOException("the API answered " + answer.statusCode());
            }
            return answer.body();
        } finally {
            pending.cancel(true);
        }
    }

    public static void main(String[] arguments) throws InterruptedException {
        var url = URI.create(System.getenv("API_URL"));
        var interval = (long) (Double.parseDouble(System.getenv("INTERVAL")) * 1000);
        while (true) {
            try {
                call(url);
            } catch (IOException | ExecutionException | TimeoutException error) {
                System.out.println("the call failed: " + error);
            }
            Thread.sleep(interval);
        }
    }
}
