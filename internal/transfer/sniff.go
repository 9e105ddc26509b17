package transfer

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"unicode"
)

// sniff says what a file that is no checkpoint looks like by its first bytes;
// empty when nothing known.
func sniff(head []byte) string {
	text := bytes.ToLower(trimText(head))
	switch {
	case len(head) == 0:
		return "it is empty"
	case isHTML(text):
		return "it is an HTML page, not a checkpoint"
	case bytes.HasPrefix(text, []byte("version https://git-lfs")):
		return "it is a git-lfs pointer, not the checkpoint itself"
	case bytes.HasPrefix(text, []byte("<?xml")), bytes.HasPrefix(text, []byte("<error>")):
		return "it is an XML document, not a checkpoint"
	case bytes.HasPrefix(text, []byte("{\"")), bytes.HasPrefix(text, []byte("{\n")), bytes.HasPrefix(text, []byte("{}")):
		return "it is a JSON document, not a checkpoint"
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return "it is gzip-compressed"
	}
	return ""
}

// trimText cuts what may stand before the first letter of a text document.
func trimText(b []byte) []byte {
	return bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), " \t\r\n")
}

func isHTML(lower []byte) bool {
	return bytes.HasPrefix(lower, []byte("<!doctype html")) || bytes.HasPrefix(lower, []byte("<html")) ||
		bytes.HasPrefix(lower, []byte("<head")) || bytes.HasPrefix(lower, []byte("<body"))
}

// maxSaid bounds what an error repeats of a server's words, in bytes.
const maxSaid = 200

// words returns said without what the requests that led there hold in confidence: a server may
// repeat them, and nobody else should read them.
func words(resp *http.Response) string {
	text := said(resp)
	hide := func(secret string) {
		if len(secret) >= 6 { // shorter ones stand in words
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	for req := resp.Request; req != nil; req = req.Response.Request {
		for _, values := range req.URL.Query() {
			for _, v := range values {
				hide(v)
			}
		}
		_, token, _ := strings.Cut(req.Header.Get("Authorization"), " ")
		password, _ := req.URL.User.Password()
		hide(token)
		hide(password)
		if req.Response == nil {
			break
		}
	}
	return text
}

// said returns what an answer that is no file says in words: the message of a
// hub's header, of an XML or JSON body, the title of a page, or a line of text.
func said(resp *http.Response) string {
	if m := resp.Header.Get("X-Error-Message"); m != "" {
		return plain(m)
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 16<<10)) // what came before an error will do
	text := trimText(body)
	lower := bytes.ToLower(text)
	switch {
	case len(text) == 0:
		return ""
	case isHTML(lower):
		const open, end = "<title>", "</title>"
		_, after, ok := bytes.Cut(lower, []byte(open))
		i := len(lower) - len(after)
		if n := bytes.Index(after, []byte(end)); ok && n > 0 && len(lower) == len(text) {
			return "an HTML page titled " + plain(string(text[i:i+n]))
		}
		return "an HTML page"
	case text[0] == '<':
		var e struct{ Code, Message string }
		if xml.Unmarshal(text, &e) == nil && e.Code+e.Message != "" {
			return plain(strings.Trim(e.Code+": "+e.Message, ": "))
		}
		return "an XML document"
	case text[0] == '{':
		var e struct {
			Error, Message any
			Errors         []struct{ Code, Message string } // of an OCI registry
		}
		if json.Unmarshal(text, &e) == nil {
			if len(e.Errors) > 0 {
				return plain(strings.Trim(e.Errors[0].Code+": "+e.Errors[0].Message, ": "))
			}
			for _, m := range []any{e.Error, e.Message} {
				if s, ok := m.(string); ok && s != "" {
					return plain(s)
				}
			}
		}
		return "a JSON document"
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return plain(string(line))
}

// plain returns s on one line, without control characters, not too long.
func plain(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "?"), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	if len(s) > maxSaid {
		s = strings.ToValidUTF8(s[:maxSaid], "") + "…"
	}
	return s
}
