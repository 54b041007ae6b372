// Command flawed has one flaw of each kind that the test looks for.
package main

import (
	"crypto/md5"
	"fmt"
	"os"
	"os/exec"
)

func main() {
	out, _ := exec.Command("sh", "-c", os.Args[1]).Output()
	fmt.Println(md5.Sum(out)) // #nosec G401 -- only a name of a file, not a secret
	fmt.Println(md5.Sum(nil)) // #nosec G401
}
