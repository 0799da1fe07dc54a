// okhttp, Debian's.
import java.io.File;
import okhttp3.MediaType;
import okhttp3.MultipartBody;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

class OkHttp {
    public static void main(String[] arguments) throws Exception {
        String url = arguments[0], kind = arguments[1], seconds = arguments[2];
        String picture = arguments[3], filename = arguments[4], prompt = arguments[5];
        String[][] fields = {{"model", "sora-2"}, {"prompt", prompt}, {"seconds", seconds}, {"size", "1280x720"}};
        RequestBody body;
        if (kind.equals("form")) {
            MultipartBody.Builder form = new MultipartBody.Builder().setType(MultipartBody.FORM);
            for (String[] field : fields) {
                form.addFormDataPart(field[0], field[1]);
            }
            RequestBody file = RequestBody.create(MediaType.parse("image/png"), new File(picture));
            body = form.addFormDataPart("input_reference", filename, file).build();
        } else {
            StringBuilder json = new StringBuilder();
            for (String[] field : fields) {
                String value = field[1].replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
                json.append(json.length() == 0 ? "{" : ",");
                json.append("\"" + field[0] + "\":\"" + value + "\"");
            }
            body = RequestBody.create(MediaType.parse("application/json"), json + "}");
        }
        Request request = new Request.Builder().url(url + "/videos").header("Authorization", "Bearer sk-test").post(body).build();
        try (Response answer = new OkHttpClient().newCall(request).execute()) {
            System.out.println(answer.code());
            System.out.println(answer.body().string());
        }
        System.exit(0);
    }
}
