import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Calls an API again and again, with the token that a file holds; the snippet follows at the end. */
public class Caller {
    public static void main(String[] arguments) throws InterruptedException {
        var client = HttpClient.newHttpClient();
        var token = new MountedToken(Path.of(arguments[0]));
        var url = URI.create(System.getenv("API_URL"));
        var interval = (long) (Double.parseDouble(System.getenv("INTERVAL")) * 1000);
        while (true) {
            try {
                var pending = client.sendAsync(token.sign(HttpRequest.newBuilder(url)).build(), BodyHandlers.ofString());
                try {
                    var status = pending.get(2, TimeUnit.SECONDS).statusCode();
                    if (status != 200) {
                        throw new IOException("the API answered " + status);
                    }
                } finally {
                    pending.cancel(true);
                }
            } catch (IOException | ExecutionException | TimeoutException error) {
                System.out.println("the call failed: " + error);
            }
            Thread.sleep(interval);
        }
    }
}
