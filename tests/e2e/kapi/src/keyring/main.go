// What kubelet itself makes of pull secrets.
//
//	keyring IMAGE    reads a Secret as JSON on stdin, prints the credentials that kubelet would try for the image
//	keyring          reads cases, a line of JSON each: {"secrets": [...], "image": "..."}; prints a line for each:
//	                 {"refused": whether kubelet refuses the secrets as they are, "found": [[user, password], ...]}
//
// For secrets that kubelet refuses, because of one entry that it cannot decode, `found` is what it makes of the others. User
// and password of cases are base64: they may be no text.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/credentialprovider"
	"k8s.io/kubernetes/pkg/credentialprovider/secrets"
)

type question struct {
	Secrets []v1.Secret `json:"secrets"`
	Image   string      `json:"image"`
}

type answer struct {
	Refused bool        `json:"refused"`
	Found   [][2][]byte `json:"found"`
}

func main() {
	in, out := json.NewDecoder(bufio.NewReader(os.Stdin)), bufio.NewWriter(os.Stdout)
	defer out.Flush()
	if len(os.Args) > 1 {
		var secret v1.Secret
		check(in.Decode(&secret))
		found, err := lookup([]v1.Secret{secret}, os.Args[1])
		check(err)
		logins := [][2]string{}
		for _, one := range found {
			logins = append(logins, [2]string{one.Username, one.Password})
		}
		check(json.NewEncoder(out).Encode(logins))
		return
	}
	for in.More() {
		var asked question
		check(in.Decode(&asked))
		found, err := lookup(asked.Secrets, asked.Image)
		answered := answer{Refused: err != nil, Found: [][2][]byte{}}
		if err != nil {
			found, err = lookup(decodable(asked.Secrets), asked.Image)
			check(err)
		}
		for _, one := range found {
			answered.Found = append(answered.Found, [2][]byte{[]byte(one.Username), []byte(one.Password)})
		}
		check(json.NewEncoder(out).Encode(answered))
	}
}

func lookup(all []v1.Secret, image string) ([]credentialprovider.TrackedAuthConfig, error) {
	keyring, err := secrets.MakeDockerKeyring(all, &credentialprovider.BasicDockerKeyring{})
	if err != nil {
		return nil, err
	}
	found, _ := keyring.Lookup(image)
	return found, nil
}

// decodable leaves out the secrets that are no JSON, and of the others the entries that kubelet's own type refuses.
func decodable(all []v1.Secret) []v1.Secret {
	var kept []v1.Secret
	for _, secret := range all {
		var whole struct {
			Auths map[string]json.RawMessage `json:"auths"`
		}
		key, entries := v1.DockerConfigJsonKey, &whole.Auths
		var err error
		if secret.Type == v1.SecretTypeDockercfg {
			key = v1.DockerConfigKey
			err = json.Unmarshal(secret.Data[key], entries)
		} else {
			err = json.Unmarshal(secret.Data[key], &whole)
		}
		if err != nil {
			continue
		}
		for name, raw := range *entries {
			if json.Unmarshal(raw, new(credentialprovider.DockerConfigEntry)) != nil {
				delete(*entries, name)
			}
		}
		var text []byte
		if secret.Type == v1.SecretTypeDockercfg {
			text, err = json.Marshal(*entries)
		} else {
			text, err = json.Marshal(whole)
		}
		check(err)
		kept = append(kept, v1.Secret{Type: secret.Type, Data: map[string][]byte{key: text}})
	}
	return kept
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
