// What Go's servers read in bodies: mime/multipart, and encoding/json, which finds names without regard to case.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"os"
	"strings"
)

// What new-api and its like read of a create.
type request struct {
	Model          any `json:"model"`
	Prompt         any `json:"prompt"`
	Seconds        any `json:"seconds"`
	Size           any `json:"size"`
	Seed           any `json:"seed"`
	Name           any `json:"name"`
	InputReference any `json:"input_reference"`
	Video          any `json:"video"`
}

// The same where a video is an object.
type edit struct {
	Video struct {
		ID any `json:"id"`
	} `json:"video"`
}

type failed struct {
	Error string `json:"error"`
}

func form(contentType string, body []byte) any {
	_, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return failed{err.Error()}
	}
	read, err := multipart.NewReader(bytes.NewReader(body), parameters["boundary"]).ReadForm(64 << 20)
	if err != nil {
		return failed{err.Error()}
	}
	found := [][]string{}
	for name, values := range read.Value {
		for _, value := range values {
			found = append(found, []string{name, "text", value})
		}
	}
	for name, files := range read.File {
		for _, file := range files {
			open, err := file.Open()
			if err != nil {
				return failed{err.Error()}
			}
			hash := sha1.New()
			io.Copy(hash, open)
			found = append(found, []string{name, "file", hex.EncodeToString(hash.Sum(nil))})
		}
	}
	return found
}

func object(into any, body []byte) any {
	if err := json.Unmarshal(body, into); err != nil {
		return failed{err.Error()}
	}
	return into
}

func main() {
	input, output := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	defer output.Flush()
	encoder := json.NewEncoder(output)
	take := func() []byte {
		var length uint32
		if binary.Read(input, binary.BigEndian, &length) != nil {
			return nil
		}
		bytes := make([]byte, length)
		io.ReadFull(input, bytes)
		return bytes
	}
	for {
		contentType := take()
		if contentType == nil {
			return
		}
		body := take()
		read := map[string]any{}
		if strings.HasPrefix(string(contentType), "application/json") {
			read["go struct"] = object(&request{}, body)
			read["go edit"] = object(&edit{}, body)
		} else {
			read["go"] = form(string(contentType), body)
		}
		encoder.Encode(read)
	}
}
