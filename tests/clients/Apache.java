// Apache HttpClient, Debian's.
import java.io.File;
import java.nio.charset.StandardCharsets;
import org.apache.http.HttpEntity;
import org.apache.http.client.methods.CloseableHttpResponse;
import org.apache.http.client.methods.HttpPost;
import org.apache.http.entity.ContentType;
import org.apache.http.entity.StringEntity;
import org.apache.http.entity.mime.HttpMultipartMode;
import org.apache.http.entity.mime.MultipartEntityBuilder;
import org.apache.http.impl.client.CloseableHttpClient;
import org.apache.http.impl.client.HttpClients;
import org.apache.http.util.EntityUtils;

class Apache {
    public static void main(String[] arguments) throws Exception {
        String url = arguments[0], kind = arguments[1], seconds = arguments[2];
        String picture = arguments[3], filename = arguments[4], prompt = arguments[5];
        String[][] fields = {{"model", "sora-2"}, {"prompt", prompt}, {"seconds", seconds}, {"size", "1280x720"}};
        HttpEntity body;
        if (kind.equals("form")) {
            // RFC6532 writes file names in UTF-8; text parts say text/plain; charset=UTF-8.
            MultipartEntityBuilder form = MultipartEntityBuilder.create().setMode(HttpMultipartMode.RFC6532);
            for (String[] field : fields) {
                form.addTextBody(field[0], field[1], ContentType.TEXT_PLAIN.withCharset(StandardCharsets.UTF_8));
            }
            body = form.addBinaryBody("input_reference", new File(picture), ContentType.IMAGE_PNG, filename).build();
        } else {
            StringBuilder json = new StringBuilder();
            for (String[] field : fields) {
                String value = field[1].replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
                json.append(json.length() == 0 ? "{" : ",");
                json.append("\"" + field[0] + "\":\"" + value + "\"");
            }
            body = new StringEntity(json + "}", ContentType.APPLICATION_JSON);
        }
        HttpPost request = new HttpPost(url + "/videos");
        request.setHeader("Authorization", "Bearer sk-test");
        request.setEntity(body);
        try (CloseableHttpClient client = HttpClients.createDefault();
                CloseableHttpResponse answer = client.execute(request)) {
            System.out.println(answer.getStatusLine().getStatusCode());
            System.out.println(EntityUtils.toString(answer.getEntity()));
        }
    }
}
