// What Docker's own helper library reads on the stdin of `store`: prints one line of JSON for each of many inputs.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/docker/docker-credential-helpers/credentials"
)

// keeper remembers what the library passes to a helper.
type keeper struct{ login []string }

func (k *keeper) Add(c *credentials.Credentials) error {
	k.login = []string{c.ServerURL, c.Username, c.Secret}
	return nil
}
func (k *keeper) Delete(string) error                { return errors.New("not asked for") }
func (k *keeper) Get(string) (string, string, error) { return "", "", errors.New("not asked for") }
func (k *keeper) List() (map[string]string, error)   { return nil, errors.New("not asked for") }

type line struct {
	Stdin []byte   `json:"stdin"` // base64
	Login []string `json:"login,omitempty"`
	Error string   `json:"error,omitempty"`
}

func main() {
	out := json.NewEncoder(os.Stdout)
	for _, stdin := range inputs() {
		kept, said := &keeper{}, line{Stdin: []byte(stdin)}
		err := credentials.Store(kept, strings.NewReader(stdin))
		switch {
		case err == nil:
			said.Login = kept.login
		case credentials.IsCredentialsMissingServerURL(err), credentials.IsCredentialsMissingUsername(err):
			said.Error = err.Error()
		default:
			said.Error = "refused" // the words are the parser's
		}
		if err := out.Encode(said); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// inputs puts each spelling of a name, each form of a value and each surrounding into a login that is otherwise plain.
func inputs() []string {
	names := map[string][]string{
		"ServerURL": {"ServerURL", "serverurl", "SERVERURL", "ServerUrl", "\u017ferverURL", `\u0053erverURL`, "server_url", "ServerURL ", "Server", "\xffServerURL"},
		"Username":  {"Username", "username", "USERNAME", "userName", "u\u017fername", "user", "User name"},
		"Secret":    {"Secret", "secret", "SECRET", "\u017fecret", `\u017fecret`, "password", "Se\u0301cret"},
	}
	values := []string{
		`"x.io"`, `""`, `" "`, `null`, `5`, `-0.5e3`, `true`, `false`, `[]`, `["x"]`, `{}`, `{"ServerURL":"y"}`,
		"\"\xff\"", "\"a\xe2\x82b\"", "\"\xed\xa0\x80\"", "\"\xf0\x9f\x98\"", "\"\xc0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe9t\xe9\"",
		`"\ud800"`, `"\udc00"`, `"\ud800x"`, `"\ud800\u0041"`, `"\ud83d\ude00"`, `"\ud800\ud83d\ude00"`, `"\ude00\ud83d"`, `"\uD800\\n"`,
		`"\u0000"`, `"\n\t\"\\\/\b\f\r"`, `"\x"`, `"\u12"`, `"\u12g4"`, "\"a\nb\"", "\"a\r\nb\"", "\"a\rb\"", "\"a\tb\"", "\"\x00\"", "\"\x7f\"",
		"\"\u2028\U0001f511\ufffd\ufeff\"", `"<token>"`, `nul`, `nulls`, `'x'`, `x`, `01`, `1.`, `.5`, `1e`, `-`, `+1`, `"x`, ``, `NaN`,
	}
	plain := func(field, name, value string) string {
		parts := []string{}
		for _, other := range []string{"ServerURL", "Username", "Secret"} {
			if other == field {
				parts = append(parts, `"`+name+`":`+value)
			} else {
				parts = append(parts, `"`+other+`":"`+strings.ToLower(other[:1])+`"`)
			}
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	var all []string
	for _, field := range []string{"ServerURL", "Username", "Secret"} {
		for _, name := range names[field] {
			all = append(all, plain(field, name, `"x"`))
		}
		for _, value := range values {
			all = append(all, plain(field, field, value), plain(field, "Other", value))
		}
		for _, first := range []string{`"x"`, `null`, `""`, `5`} { // it stands twice, in whatever case
			for _, second := range []string{`"y"`, `null`, `""`, `[]`} {
				for _, name := range []string{field, strings.ToLower(field), strings.ToUpper(field)} {
					all = append(all, plain(field, field, first+`,"`+name+`":`+second))
				}
			}
		}
	}
	whole := plain("", "", "")
	for _, after := range []string{"\n", " ", "\r\n\r\n", "x", "{}", "]", "}", ",", "\x00", "\xff", `"hunter2`, " hunter2", "\n" + whole, "//", ";"} {
		all = append(all, whole+after, whole[:len(whole)-1]+after)
	}
	for _, before := range []string{" ", "\t\r\n", "\ufeff", "\x00", "\x0b", "\x0c", "\xa0", "[", "null", "null ", "//x\n", "x"} {
		all = append(all, before+whole)
	}
	for _, text := range []string{
		"", " ", "\n", "null", " null ", "nullx", "null,", "nul", "true", "7", "7x", `"text"`, `"text`, "[]", "[" + whole + "]", "{", "{}", "{}}", "{,}", `{"ServerURL"}`,
		`{"ServerURL":"s"}`, `{"ServerURL":"s","Username":"u"}`, `{"ServerURL":"s","Username":"u",}`, `{"ServerURL":"s" "Username":"u"}`, `{ServerURL:"s"}`, `{1:2}`,
		`{"":"x","ServerURL":"s","Username":"u"}`, "{\"ServerURL\":\n\"s\",\r\n\"Username\"\n:\"u\"}", "{\"Server\nURL\":\"s\",\"Username\":\"u\"}",
		`{"ServerURL":"s","Username":"u","Secret":"p","X":{"a":[1,{"Secret":"q"}],"b":null}}`, `{"X":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + `,"ServerURL":"s","Username":"u"}`,
	} {
		all = append(all, text)
	}
	return all
}
