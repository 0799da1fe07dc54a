// Go's own net/http, mime/multipart and encoding/json.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	url, kind, seconds, picture, filename, prompt := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6]
	fields := map[string]string{"model": "sora-2", "prompt": prompt, "seconds": seconds, "size": "1280x720"}
	var body bytes.Buffer
	contentType := "application/json"
	if kind == "form" {
		writer := multipart.NewWriter(&body)
		for name, value := range fields {
			must(writer.WriteField(name, value))
		}
		// As CreateFormFile does, which has no way to give the media type that the API wants.
		quoted := strings.NewReplacer("\\", "\\\\", `"`, "\\\"").Replace(filename)
		part, err := writer.CreatePart(map[string][]string{
			"Content-Disposition": {`form-data; name="input_reference"; filename="` + quoted + `"`},
			"Content-Type":        {"image/png"},
		})
		must(err)
		bytes, err := os.ReadFile(picture)
		must(err)
		_, err = part.Write(bytes)
		must(err)
		must(writer.Close())
		contentType = writer.FormDataContentType()
	} else {
		must(json.NewEncoder(&body).Encode(fields))
	}
	request, err := http.NewRequest("POST", url+"/videos", &body)
	must(err)
	request.Header.Set("Authorization", "Bearer sk-test")
	request.Header.Set("Content-Type", contentType)
	answer, err := http.DefaultClient.Do(request)
	must(err)
	text, err := io.ReadAll(answer.Body)
	must(err)
	fmt.Println(answer.StatusCode)
	fmt.Println(string(text))
}
