// What kubelet itself makes of a pull secret: reads a Secret as JSON on stdin, prints the credentials that kubelet
// would try for the image in the first argument.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/credentialprovider"
	"k8s.io/kubernetes/pkg/credentialprovider/secrets"
)

func main() {
	var secret v1.Secret
	if err := json.NewDecoder(os.Stdin).Decode(&secret); err != nil {
		fail(err)
	}
	keyring, err := secrets.MakeDockerKeyring([]v1.Secret{secret}, &credentialprovider.BasicDockerKeyring{})
	if err != nil {
		fail(err)
	}
	found, _ := keyring.Lookup(os.Args[1])
	logins := [][2]string{}
	for _, one := range found {
		logins = append(logins, [2]string{one.Username, one.Password})
	}
	if err := json.NewEncoder(os.Stdout).Encode(logins); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
